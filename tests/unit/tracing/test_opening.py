"""Traces or none: nobody pays for what nobody asked for, and who asked is told what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tidegate.errors import BadConfiguration
from tidegate.tracing import NO_TRACING, open_tracing


def test_without_a_collector_there_are_no_traces() -> None:
    tracing = open_tracing(None, "1.0")
    assert tracing is NO_TRACING
    assert not tracing.is_on
    with tracing.span("send", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") as span:
        span.tell(verdict="send")
        assert span.traceparent == ""
        assert tracing.span("post") is span, "a span costs a call, and no object"


def test_a_node_without_a_collector_loads_no_library_for_traces() -> None:
    # The store's client loads what it finds of the metrics' side by itself.
    code = "import sys, tidegate.app; sys.exit(any(n.startswith('opentelemetry.sdk.trace') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_collector_without_the_extra_is_a_fault_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tidegate.tracing.otel", None)
    with pytest.raises(BadConfiguration, match=r"tracing\.endpoint: needs the extra otel"):
        open_tracing("http://127.0.0.1:4318", "1.0")
