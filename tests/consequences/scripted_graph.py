"""A stand-in for Graph that says what a test wants it to say, and keeps what was sent to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from tidegate.cloudapi.errors import graph_error, lookup

#: Templates of every account, by name.
TEMPLATES: Final = {"offer": "MARKETING", "news": "MARKETING", "order": "UTILITY", "code": "AUTHENTICATION"}


@dataclass(slots=True)
class Sent:
    """One message that was posted here."""

    number: str
    token: str
    body: dict[str, Any]
    wamid: str


@dataclass(slots=True)
class ScriptedGraph:
    """Answers reads with what its nodes say, and sends with acceptances or, as long as there are some, errors."""

    url: str = ""
    reads_fail: bool = False
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What a node says other than by default, by its id; of a template by its name."""
    refusals: list[int] = field(default_factory=list)
    """Error codes of the next sends; 0 and codes alike with the HTTP status that they come with."""
    refused_reads: int | None = None
    """The code that every read is refused with."""
    usage: dict[str, Any] | None = None
    message_status: str = "accepted"
    sent: list[Sent] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        if request.method == "GET":
            return self._read(request)
        return self._send(request, await request.json())

    def say(self, node: str, **fields: Any) -> None:
        """From now on a node says this."""
        self.nodes.setdefault(node, {}).update(fields)

    def _read(self, request: web.Request) -> web.Response:
        self.reads.append(request.path)
        if self.reads_fail:
            return web.json_response({}, status=503)
        if self.refused_reads is not None:
            return self._error(self.refused_reads)
        headers = {"X-Business-Use-Case-Usage": json.dumps(self.usage)} if self.usage else {}
        parts = request.path.strip("/").split("/")
        if parts[-1] == "message_templates":
            return web.json_response({"data": list(self._templates())}, headers=headers)
        return web.json_response(self._node(parts[-1], request.query["fields"]), headers=headers)

    def _node(self, node_id: str, fields: str) -> dict[str, Any]:
        if fields.startswith("account_review_status"):
            said: dict[str, Any] = {"id": node_id, "account_review_status": "APPROVED"}
        else:
            said = {"id": node_id, "quality_rating": "GREEN", "status": "CONNECTED", "name_status": "APPROVED"}
        return said | self.nodes.get(node_id, {})

    def _templates(self) -> Iterator[dict[str, Any]]:
        for name, category in TEMPLATES.items():
            told = {"id": f"7{name}", "name": name, "language": "en_US", "category": category, "status": "APPROVED"}
            yield told | {"quality_score": {"score": "GREEN"}} | self.nodes.get(name, {})

    def _send(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        number = request.path.strip("/").split("/")[1]
        wamid = f"wamid.{len(self.sent)}"
        self.sent.append(Sent(number, request.headers["Authorization"].removeprefix("Bearer "), body, wamid))
        if self.refusals:
            return self._error(self.refusals.pop(0))
        to = str(body["to"])
        answer: dict[str, Any] = {"messaging_product": "whatsapp", "messages": [{"id": wamid}]}
        answer["messages"][0]["message_status"] = self.message_status
        answer["contacts"] = [{"input": to, "wa_id": to.removeprefix("+")}]
        return web.json_response(answer)

    def _error(self, code: int) -> web.Response:
        status = lookup(code).http_status or 400
        return web.json_response(graph_error(code, None, "as the test wants it", "trace"), status=status)


def health(kind: str, entity_id: str, can_send: str) -> dict[str, Any]:
    """The `health_status` of one entity."""
    entity = {"entity_type": kind, "id": entity_id, "can_send_message": can_send}
    return {"can_send_message": can_send, "entities": [entity]}
