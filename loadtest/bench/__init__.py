"""What things cost: measurements on this machine, of one thing at a time."""
