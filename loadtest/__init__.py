"""The product under load: real nodes, a real store and the simulated Cloud API, in virtual time.

`python -m loadtest campaign` rolls a campaign out through the gateway's own API; `sends` has an app send one itself, on
the stage that the simulation tests use.
"""
