"""Campaigns at work: orders read, audiences taken, rows fed to the send queue, gates kept."""
