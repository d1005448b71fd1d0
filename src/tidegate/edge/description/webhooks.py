"""JSON Schemas of what waits to be handed to the apps."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record

WEBHOOKS: Final[Schema] = record(
    {
        "waiting": COUNT,
        "apps": array(
            record(
                {
                    "app": TEXT,
                    "portfolio": TEXT,
                    "host": TEXT,
                    "waiting": COUNT,
                    "oldest_at": maybe(TIME),
                    "failures": COUNT,
                    "next_attempt_at": maybe(TIME),
                    "last_error": maybe(TEXT),
                    "last_error_at": maybe(TIME),
                    "last_delivered_at": maybe(TIME),
                    "dead": COUNT,
                    "bytes": COUNT,
                    "most_bytes": COUNT,
                    "most_waiting": COUNT,
                    "left_out": COUNT,
                    "left_out_at": maybe(TIME),
                    "dropped": COUNT,
                }
            )
        ),
    }
)
DEAD_WEBHOOKS: Final[Schema] = record(
    {
        "app": TEXT,
        "dead": array(
            record(
                {
                    "id": TEXT,
                    "portfolio": TEXT,
                    "kind": TEXT,
                    "taken_at": TIME,
                    "died_at": TIME,
                    "tries": COUNT,
                    "error": TEXT,
                }
            )
        ),
    }
)
REPLAY_ORDER: Final[Schema] = {
    **record({"app": TEXT, "ids": {**array(TEXT), "minItems": 1, "maxItems": 1_000}}, optional=("app", "ids")),
    "additionalProperties": False,
}
REPLAYED: Final[Schema] = record({"app": TEXT, "replayed": COUNT})
