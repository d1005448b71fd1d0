"""`GET /rules`: the rules in force, and the version that names their content."""

from __future__ import annotations

from tidegate.edge.calls import Call
from tidegate.edge.replies import Reply, json_reply


async def read_rules(call: Call) -> Reply:
    """The rules under their public keys."""
    rules = call.services.gateway.rules
    return json_reply({"version": rules.version, "rules": rules.written()}, headers={"ETag": f'"{rules.version}"'})
