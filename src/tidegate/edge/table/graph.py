"""The rows of the route table of Graph's face."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import TEXT
from tidegate.edge.table.endpoint import Endpoint, Parameter
from tidegate.settings.tables import Scope

WISHES: Final = tuple(
    Parameter(name, "header", about, TEXT)
    for name, about in (
        ("Idempotency-Key", "the same key and body get the first answer again, for 24 h"),
        ("Tidegate-Category", "authentication, utility or marketing, of a template that is unknown here"),
        ("Tidegate-Hold", "queue or reject, when it may not go now"),
        ("Tidegate-Delivery", "at_most_once or at_least_once, when its outcome is not known"),
        ("Tidegate-Expires", "seconds, or an RFC 3339 time: never sent after it"),
        ("Tidegate-Not-Before", "an RFC 3339 time: never sent before it"),
        ("Tidegate-Campaign", "the campaign that it belongs to"),
        ("Tidegate-Dry-Run", "true: the verdict only"),
        ("traceparent", "W3C Trace Context, passed on"),
    )
)

SENDS: Final = tuple(
    Endpoint(
        "POST",
        f"{version}/{{phone_number_id}}/{edge}",
        summary,
        {200: "SendAnswer", 400: "GraphError", 429: "GraphError", 503: "GraphError"},
        (Scope.SEND,),
        body="Message",
        parameters=WISHES,
    )
    for edge, summary in (
        ("messages", "Send a message, or mark one as read"),
        ("marketing_messages", "Send a message by the Marketing Messages API"),
    )
    for version in ("", "/{version}")
)

PASSED: Final = tuple(
    Endpoint(method, "/{version}/{object_id}", f"{method} anything else of Graph's", {200: "Graph"}, (Scope.SEND,))
    for method in ("GET", "POST", "DELETE")
)

MEDIUM: Final = Endpoint(
    "GET", "/media/{link}", "A media file, at the address that its description gave", {200: ""}, (Scope.SEND,)
)
