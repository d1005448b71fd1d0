"""Who comes in and how: listener, connections, keys, and how much a caller may bring."""
