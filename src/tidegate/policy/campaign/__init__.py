"""Campaigns, pure: what was ordered, who gets what and when, and how far it is."""
