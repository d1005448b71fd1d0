"""Whose a path is, and which port answers for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Face(StrEnum):
    """Which shape a path's errors have."""

    GRAPH = "graph"
    CONTROL = "control"


#: First segments of the paths that are ours; every other path is Graph's.
OURS: Final = frozenset({"gateway", "healthz", "readyz", "metrics", "openapi.json", "dashboard", "webhooks"})


class Port(StrEnum):
    """What a port of a node answers for."""

    #: Everything: there is no other port.
    WHOLE = "whole"
    #: What callers and Meta need: Graph's face, media, webhooks, and the probes.
    PUBLIC = "public"
    #: What operators need: the control plane, metrics, the description, and the probes.
    CONTROL = "control"

    def serves(self, path: str) -> bool:
        """Whether it answers for a path, or a row's."""
        first = path[1:].partition("?")[0].partition("/")[0]
        if self is Port.WHOLE or first in _PROBES:
            return True
        return (first in OURS and first not in _CALLERS) is (self is Port.CONTROL)


_PROBES: Final = frozenset({"healthz", "readyz"})
#: Paths of ours that are for callers and for Meta.
_CALLERS: Final = frozenset({"media", "webhooks"})


def face_of(raw_path: str) -> Face:
    """The face that a raw request target belongs to."""
    first = raw_path[1:].partition("?")[0].partition("/")[0]
    return Face.CONTROL if first in OURS else Face.GRAPH
