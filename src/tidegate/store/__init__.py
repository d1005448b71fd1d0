"""The durable state, in Valkey or Redis. No other package speaks to it."""
