"""The rows of the route table about webhooks on their way to the apps."""

from __future__ import annotations

from typing import Final

from tidegate.edge.control.webhooks import read_dead_webhooks, read_webhooks, replay_webhooks
from tidegate.edge.shapes import TEXT
from tidegate.edge.table.endpoint import Endpoint, Parameter
from tidegate.settings.tables import Scope

_PATH: Final = "/gateway/v1/webhooks"

WEBHOOKS: Final = (
    Endpoint("GET", _PATH, "What waits for the apps", {200: "Webhooks"}, (Scope.READ,), read_webhooks),
    Endpoint(
        "GET",
        f"{_PATH}/dead",
        "Webhooks that an app did not take",
        {200: "DeadWebhooks"},
        (Scope.READ,),
        read_dead_webhooks,
        parameters=(
            Parameter("app", "query", "the app's name; its own unless said", TEXT),
            Parameter("limit", "query", "how many at most", {"type": "integer", "minimum": 1, "maximum": 1_000}),
        ),
    ),
    Endpoint(
        "POST",
        f"{_PATH}:replay",
        "Try dead letters again",
        {200: "Replayed"},
        (Scope.ADMIN,),
        replay_webhooks,
        body="ReplayOrder",
    ),
)
