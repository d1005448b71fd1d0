"""Traces of sends and webhooks, by OpenTelemetry where a collector is named, and none at all where none is."""

from tidegate.tracing.opening import open_tracing
from tidegate.tracing.spans import NO_TRACING, Span, Tracing

__all__ = ["NO_TRACING", "Span", "Tracing", "open_tracing"]
