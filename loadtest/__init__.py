"""The product under load: real nodes, a real store and the simulated Cloud API, in virtual time.

`python -m loadtest campaign` sends a rollout and reports; the simulation tests use the same stage.
"""
