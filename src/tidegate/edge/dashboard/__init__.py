"""`/dashboard`: the control plane for people, as pages that need no script to be read. One page a file."""
