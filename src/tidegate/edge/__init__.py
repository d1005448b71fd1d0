"""The HTTP face of one node: Graph's own face for sends, webhooks, the control plane, health."""
