"""The one POST of an admitted message, and what its outcome proves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tidegate.clock import StoreClock
from tidegate.cloudapi.errors import ErrorCode, Retry, Scope, lookup, read_error
from tidegate.cloudapi.messages import read_acceptance, serialise, wrap_opaque
from tidegate.enforcement import NO_PROBES, Enforcement, Probes
from tidegate.errors import StoreUnavailable
from tidegate.gateway.answered import Answered, Forwarded, Held, Unavailable
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.message import Message
from tidegate.gateway.noting import Noting
from tidegate.gateway.settling import Settling
from tidegate.gateway.traced import under
from tidegate.metrics import Metrics
from tidegate.policy.consequences.sightings import signal_of_acceptance, signal_of_error
from tidegate.policy.identity import Identity
from tidegate.policy.users import is_as_sent_to
from tidegate.policy.verdict import Reason
from tidegate.store.asks import Ask
from tidegate.tracing import Tracing
from tidegate.upstream import NotSent, Outcome, Response, Unknown, Upstream

_BACK_OFF_MS: Final = {130429: 1_000, 131056: 6_000, 131057: 60_000, 131016: 5_000, 2: 5_000}
_UNREACHABLE_MS: Final = 5_000
#: Meta's word for a message that it took and has nothing else to say of.
ACCEPTED: Final = "accepted"
_POSTED: Final[dict[type, str]] = {Response: "answered", Unknown: "unknown", NotSent: "not_sent"}


class Posting:
    """Posts once, and says what is proven: taken, refused for certain, unsent, or nothing."""

    def __init__(
        self,
        upstream: Upstream,
        settling: Settling,
        keeping: Keeping,
        clock: StoreClock,
        identity: Identity,
        metrics: Metrics,
        enforcement: Enforcement,
        noting: Noting,
        tracing: Tracing,
    ) -> None:
        self._settling = settling
        self._keeping = keeping
        self._clock = clock
        self._identity = identity
        self._metrics = metrics
        self._posted = metrics.posted
        self._enforcement = enforcement
        self._noting = noting
        self._tracing = tracing
        self._upstream = upstream
        self._post = self._traced if tracing.is_on else upstream.post
        #: Called with the id of a message out of the queue when its POST starts.
        self.on_start: Callable[[str], None] = lambda message_id: None

    def prepare(self, asks: list[Ask]) -> None:
        """Write down what is asked for, as it is posted, while the store works: nobody waits for that later."""
        try:
            self._write(asks)
        except Exception:
            # Whoever posts it writes it anew, and is told; the store works for the others too.
            return

    def _write(self, asks: list[Ask]) -> None:
        seal = self._identity.seal
        for ask in asks:
            request = ask.request
            if request is not None:
                message_id = ask.intent.message_id
                ask.body = serialise(request, wrap_opaque(message_id, seal(message_id)))

    def post(self, message: Message, ask: Ask, may_start: Callable[[], bool]) -> Awaitable[Outcome]:
        """Post an admitted message, once, when this is awaited: not when it may not start any more.

        `ask`: what was asked for it. A body that is not written yet is written now.
        """
        if not ask.body:
            self._write([ask])
        if message.queued:
            self.on_start(message.message_id)
        post = self._post
        return post(message.route.number, message.raw_path, ask.body, message.headers, may_start)

    async def _traced(
        self, number: str, raw_path: str, body: bytes, headers: Mapping[str, str], may_start: Callable[[], bool]
    ) -> Outcome:
        with self._tracing.span("post") as span:
            result = await self._upstream.post(number, raw_path, body, under(headers, span), may_start)
            span.tell(outcome=_POSTED[type(result)], status=result.status if isinstance(result, Response) else None)
            return result

    def accepted(self, message: Message, result: Outcome, began_s: float, probes: Probes) -> Forwarded | None:
        """The answer where Meta proves that it took the message; None: what came back has to be looked at `otherwise`.

        `began_s`: when it was posted (`monotonic_s`). `probes`: the half-open breakers that it is a probe of.
        """
        self._posted(self._clock.monotonic_s() - began_s)
        if type(result) is not Response:
            self._metrics.unanswered(_POSTED[type(result)])
            return None
        if result.status // 100 != 2:
            return None
        acceptance = read_acceptance(result.body)
        if acceptance is None:
            return None
        answered = Forwarded(message.message_id, result, True)
        status = acceptance.message_status
        self._settling.told(message, "accepted", status, acceptance.wamid, answered)
        if status != ACCEPTED or probes is not NO_PROBES:
            subject = message.subject()
            held = signal_of_acceptance(status, subject, self._clock.now_ms())
            if held is not None or probes.any:
                self._enforcement.consider_soon([held] if held else [], probes, subject)
        if not is_as_sent_to(message.request, acceptance):
            self._noting.accepted(message, acceptance)
        return answered

    async def otherwise(self, message: Message, result: Outcome, probes: Probes) -> Answered | None:
        """What is proven by whatever else came back; None when it did not start in time and has to ask again."""
        if isinstance(result, Response):
            return await self._refused(message, result, probes)
        match result:
            case NotSent(cause, lapsed=True):
                if message.queued:
                    return await self._later(message, Reason.UPSTREAM_THROTTLED, 0, cause)
                # The caller has not seen this id yet: the next try is a message of its own.
                self._settling.unsent(message, cause)
                return None
            case NotSent(cause):
                return await self._later(message, Reason.UPSTREAM_THROTTLED, _UNREACHABLE_MS, f"not sent: {cause}")
            case Unknown(cause):
                return self._unknown(message, cause)

    async def _refused(self, message: Message, response: Response, probes: Probes) -> Answered:
        error = read_error(response.body) if response.status >= 400 else None
        if error is None:
            return self._unknown(message, f"HTTP {response.status} without proof of anything")
        meaning = lookup(error.code)
        if not meaning.settles:
            return self._unknown(message, f"Meta answered {error.code}, which proves nothing")
        self._metrics.refused_by_meta(error.code)
        signal = signal_of_error(error.code, message.subject(), self._clock.now_ms())
        await self._enforcement.heed([signal], probes)
        # What was promised and is right in itself waits for what is wrong around it; breakers say for how long.
        is_waited_for = message.hold if meaning.is_throttle else message.queued and meaning.retry is Retry.AFTER_SCOPE
        if is_waited_for:
            wait_ms = _BACK_OFF_MS.get(error.code, _UNREACHABLE_MS)
            return await self._later(message, _reason(meaning), wait_ms, f"Meta answered {error.code}")
        self._settling.unsent(message, f"Meta answered {error.code}")
        return Forwarded(message.message_id, response, accepted=False)

    async def _later(self, message: Message, reason: Reason, wait_ms: int, cause: str) -> Answered:
        """Proven unsent, for a reason that passes: queued where it may be, its place given back; else refused."""
        if not message.hold:
            self._settling.unsent(message, cause)
            return Unavailable(message.message_id, cause, Reason.UPSTREAM_UNAVAILABLE)
        until_ms = self._clock.now_ms() + wait_ms
        try:
            await self._keeping.keep(message, reason, cause, until_ms, admitted=True)
            self._settling.not_marketed(message)
        except StoreUnavailable:
            if not message.queued:
                self._keeping.retract(message, self._settling.unsent(message, cause))
                raise
            self._keeping.give_back(message, reason, cause)
        return Held(message.message_id, "queue", reason, until_ms)

    def _unknown(self, message: Message, cause: str) -> Held:
        held = Held(message.message_id, "unknown", Reason.OUTCOME_UNKNOWN, None)
        self._settling.told(message, "unknown", cause, "", held)
        return held


def _reason(meaning: ErrorCode) -> Reason:
    """Why a message waits after an answer that throttled it, or that speaks of more than this message."""
    if meaning.is_throttle:
        return {130429: Reason.THROUGHPUT, 131056: Reason.PAIR_RATE}.get(meaning.code, Reason.UPSTREAM_THROTTLED)
    by_scope = {Scope.TEMPLATE: Reason.TEMPLATE_PAUSED, Scope.NUMBER: Reason.NUMBER_STANDING}
    return by_scope.get(meaning.scope, Reason.ACCOUNT_RESTRICTED)
