"""Which of the two it is: decided once, at the start."""

from __future__ import annotations

from tidegate.errors import BadConfiguration, Fault
from tidegate.tracing.spans import NO_TRACING, Tracing


def open_tracing(endpoint: str | None, version: str) -> Tracing:
    """Traces to the collector at `endpoint` (OTLP over HTTP), or none; `version` is this software's.

    Raises BadConfiguration where a collector is named and the extra `otel` is not installed.
    """
    if endpoint is None:
        return NO_TRACING
    try:
        # Only who wants traces needs the libraries, and waits for them to be loaded.
        from tidegate.tracing.otel import exporting
    except ModuleNotFoundError:
        problem = "needs the extra otel: pip install 'tidegate[otel]'"
        raise BadConfiguration((Fault("tracing.endpoint", problem),)) from None
    return exporting(endpoint, version)
