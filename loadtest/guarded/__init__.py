"""The trial: the same list sent to through the gateway and past it, in virtual time, seed by seed.

`python -m loadtest guarded` runs it and prints the table.
"""
