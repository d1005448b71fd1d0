"""Spans by OpenTelemetry: kept for a moment, and handed to a collector beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import Token
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as OwnSpan
from opentelemetry.trace import SpanKind, Status, StatusCode, format_span_id, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tidegate.tracing.spans import Attribute, Name, Span, Tracing

_KINDS: Final[dict[Name, SpanKind]] = {
    "send": SpanKind.SERVER,
    "webhook": SpanKind.SERVER,
    "post": SpanKind.CLIENT,
}
_READER: Final = TraceContextTextMapPropagator()
_EXPORT_S: Final = 5.0
_END_S: Final = 1.5
_LOOK_S: Final = 0.05

_P = ParamSpec("_P")
_R = TypeVar("_R")


def exporting(endpoint: str, version: str) -> Tracing:
    """Traces to the collector at `endpoint`; headers, sampling and resource attributes are OTEL_*'s, as everywhere."""
    # A resource that OTEL_SERVICE_NAME names is called so: `create` lets the environment have the last word.
    resource = Resource.create({"service.name": "tidegate", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_S)
    # Bounded: what a collector does not take is dropped, and never held up a send.
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelTracing(provider, version)


class OtelTracing(Tracing):
    """Traces by a provider of its own: what else in the process uses OpenTelemetry is not touched."""

    __slots__ = ("_provider", "_tracer")
    is_on = True

    def __init__(self, provider: TracerProvider, version: str) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tidegate", version)

    def span(self, name: Name, parent: str = "") -> Span:
        within = _READER.extract({"traceparent": parent}, Context()) if parent else None
        return _OtelSpan(self._tracer.start_span(name, within, _KINDS.get(name, SpanKind.INTERNAL)))

    def within(self, name: Name, work: Callable[_P, _R]) -> Callable[_P, _R]:
        def traced(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with self.span(name):
                return work(*args, **kwargs)

        return traced

    def awaited_within(self, name: Name, work: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
        async def traced(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with self.span(name):
                return await work(*args, **kwargs)

        return traced

    async def end(self) -> None:
        # A collector that is away would keep the process: who ends waits for so long, and then for no answer more.
        ending = threading.Thread(target=self._provider.shutdown, name="end of tracing", daemon=True)
        ending.start()
        for _ in range(int(_END_S / _LOOK_S)):
            if not ending.is_alive():
                return
            await asyncio.sleep(_LOOK_S)


class _OtelSpan(Span):
    __slots__ = ("_span", "_token")

    def __init__(self, span: OwnSpan) -> None:
        self._span = span
        self._token: Token[Context] | None = None

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        trace, span = format_trace_id(context.trace_id), format_span_id(context.span_id)
        return f"00-{trace}-{span}-{context.trace_flags:02x}"

    def tell(self, **attributes: Attribute | None) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(f"tidegate.{name}", value)

    def __enter__(self) -> Self:
        self._token = attach(set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is not None:
            # The words of a fault may be a user's.
            self._span.set_status(Status(StatusCode.ERROR, kind.__name__))
        self._span.end()
        if self._token is not None:
            detach(self._token)
