"""The production code on a deterministic loop: see `loop`, `world`, `run`."""
