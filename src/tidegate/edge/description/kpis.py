"""The JSON Schema of the figures that `GET /kpis` tells."""

from __future__ import annotations

from typing import Final

from tidegate.edge.control.kpi_rows import COUNTS, RATES, REPORTS, TIMES
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.kpi import By

_NUMBER: Final[Schema] = {"type": "number", "minimum": 0}
_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_DATE: Final[Schema] = {"type": "string", "format": "date"}
_TIMES: Final = record({"count": COUNT, "mean_s": maybe(_NUMBER), "p50_s": maybe(_NUMBER), "p95_s": maybe(_NUMBER)})
_MEAN: Final = record({"count": COUNT, "mean": maybe(_SHARE)})
_FIGURES: Final[dict[str, Schema]] = {
    **dict.fromkeys(COUNTS, COUNT),
    **dict.fromkeys(RATES, maybe(_SHARE)),
    **dict.fromkeys(TIMES, maybe(_TIMES)),
    "asked": maybe(COUNT),
    "answered": maybe(COUNT),
    **dict.fromkeys(REPORTS, _MEAN),
    "journey": {"type": "object", "additionalProperties": _MEAN},
    "approvals": maybe(record({"approved": COUNT, "rejected": COUNT, "lead_time": _TIMES})),
    "quality": maybe(record({"better": COUNT, "worse": COUNT})),
}
_NAMES: Final[dict[str, Schema]] = {
    "day": _DATE,
    "template": TEXT,
    "language": maybe(TEXT),
    "waba": maybe(TEXT),
    "campaign": TEXT,
    "app": TEXT,
    "number": TEXT,
}
KPIS: Final[Schema] = record(
    {
        "from": _DATE,
        "to": _DATE,
        "by": words(By),
        "zone": TEXT,
        "as_of": TIME,
        "total": record(_FIGURES),
        "rows": array(record({**_NAMES, **_FIGURES}, optional=tuple(_NAMES))),
        "hours": array(record({"hour": COUNT, "asked": COUNT, "answered": COUNT, "mean_s": maybe(_NUMBER)})),
    }
)
