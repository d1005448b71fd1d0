"""What a send costs, and how fast sends go, beside other proxies on the same machine."""
