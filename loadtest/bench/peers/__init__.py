"""What stands around the gateway when its speed is measured: the platform, and other proxies to compare with."""
