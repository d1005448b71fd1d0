"""The live feed of the nodes, read beside whatever else a command does."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tidegate.cli.client import ControlPlane, NoAnswer, Problem
from tidegate.policy.consequences.worded import in_words

_KINDS: Final = "decision,breaker,pause,campaign,left_out"
#: What is kept for whoever takes it once a second: the newest.
_MOST_KEPT: Final = 500
_AGAIN_S: Final = 2.0


class LiveFeed:
    """Reads `GET /events` in a thread of its own until the process ends, and begins anew when it is cut off."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._events: deque[dict[str, Any]] = deque(maxlen=_MOST_KEPT)
        self._ended = threading.Event()
        self.fault = ""
        """Why nothing comes, where that is known; empty while it is read."""

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="live feed", daemon=True).start()

    def stop(self) -> None:
        """Begin no more."""
        self._ended.set()

    def take(self) -> list[dict[str, Any]]:
        """What has come since it was last asked: of each its kind, as `event`, and its `data`."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                with self._plane.streamed("events", kinds=_KINDS) as lines:
                    self.fault = ""
                    for event in events_of(lines):
                        self._events.append(event)
                        if self._ended.is_set():
                            return
            except (NoAnswer, Problem) as fault:
                self.fault = str(fault)
            self._ended.wait(_AGAIN_S)


def events_of(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream (WHATWG HTML, "Server-sent events"): of each its kind, as `event`, and its `data`."""
    kind, data = "", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data += value
        elif not line and data:
            yield {"event": kind, "data": json.loads(data)}
            kind, data = "", ""


def line_of(event: dict[str, Any]) -> str:
    """One event in one line, its time of day (UTC) first."""
    told = event["data"]
    at = str(told.get("at") or "")[11:19]
    match event["event"]:
        case "decision":
            what = told.get("template") or told.get("type")
            why = f" {told['reason']}" if told.get("reason") else ""
            return f"{at} {told['verdict']:7} {told['category']} {what} to {told['recipient']} of {told['app']}{why}"
        case "left_out":
            return f"{at} {told['word']:7} {told['count']} more of {told['app']}"
        case "campaign":
            return f"{at} campaign {told['campaign']} {told['event']}: {told['phase']}"
        case "gap":
            missed = told.get("missed")
            return f"{at} {'some' if missed is None else missed} events were missed"
        case kind:
            return f"{at} {kind} {told.get('key')}: {_word(told.get('to'))} after {in_words(str(told.get('cause')))}"


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value.get('scope')} {value.get('value')} paused"
    return "ended" if value is None else str(value)
