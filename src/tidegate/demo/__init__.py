"""The demo: a simulated Cloud API, a gateway node with its own store, and sample traffic, in one process."""
