"""A send between its request and its verdict."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from msgspec import Struct

from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge import denials
from tidegate.edge.denials import Denial
from tidegate.edge.graph.send_options import SendOptions
from tidegate.gateway import Claim, Message, Route
from tidegate.gateway.message import NO_HEADERS
from tidegate.gateway.wishes import Granted, granted
from tidegate.policy.rules import Duplicates, Hold, Mode
from tidegate.policy.standing import Standing
from tidegate.settings.tables import App

#: What is granted is kept of so many kinds of sends of a portfolio.
_MOST_KINDS: Final = 4_096
_NOTHING_KNOWN: Final[tuple[None, dict[tuple[object, ...], Kind]]] = (None, {})


class Kind(NamedTuple):
    """What drafts that ask for the same come to under one standing. `duplicates`: the rule, where it speaks of them."""

    granted: Granted
    duplicates: Duplicates | None


class Draft(Struct, gc=False):
    """A send that was read from a request and has not been judged; never changed. `raw`: its body, as it came.

    `kind`: what it comes to `under` a standing, kept here by whoever worked it out.
    """

    app: App
    route: Route
    request: Request
    options: SendOptions
    raw_path: str
    raw: bytes
    under: Standing | None = None
    kind: Kind | None = None

    @property
    def fingerprint(self) -> str:
        """Of method, path and body (hex): tells two requests with one Idempotency-Key apart."""
        return hashlib.sha256(b"POST %b\n%b" % (self.raw_path.partition("?")[0].encode(), self.raw)).hexdigest()

    def __repr__(self) -> str:
        return f"Draft({self.options!r})"


class Drafts:
    """Makes messages of drafts. What those that ask for the same come to is worked out once under a standing."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[Standing, dict[tuple[object, ...], Kind]]] = {}

    def message(
        self, draft: Draft, message_id: str, standing: Standing, now_ms: int, claim: Claim | None = None
    ) -> Message:
        """The same as `to_message`. `claim`: that it is the only one of its kind, found out as it is admitted."""
        return _message(draft, message_id, self._kind(draft, standing).granted, now_ms, claim)

    def duplicates(self, draft: Draft, standing: Standing) -> Duplicates | None:
        """The rule that the same message is not sent again, where it speaks of this one."""
        return self._kind(draft, standing).duplicates if standing.rules.duplicates is not None else None

    def _kind(self, draft: Draft, standing: Standing) -> Kind:
        if draft.under is standing and draft.kind is not None:
            return draft.kind
        route, request, options = draft.route, draft.request, draft.options
        under, known = self._kinds.get(route.portfolio) or _NOTHING_KNOWN
        if under is not standing or len(known) > _MOST_KINDS:
            known = {}
            self._kinds[route.portfolio] = standing, known
        asked = (route.waba, request.template, request.category, options.category, options.hold, options.delivery)
        found = known.get(asked)
        if found is None:
            granted_ = _granted(draft, standing)
            found = known[asked] = Kind(granted_, _rule(standing.rules.duplicates, granted_[0]))
        draft.under, draft.kind = standing, found
        return found


def to_message(draft: Draft, message_id: str, standing: Standing, now_ms: int) -> Message:
    """The gateway's message, received at `now_ms`. Raises Denial for options that contradict it."""
    return _message(draft, message_id, _granted(draft, standing), now_ms)


def _granted(draft: Draft, standing: Standing) -> Granted:
    options = draft.options
    return granted(standing, draft.route, draft.request, options.category, options.hold, options.delivery)


def _rule(rule: Duplicates | None, category: Category | None) -> Duplicates | None:
    if rule is None or rule.mode is Mode.OFF:
        return None
    return rule if (category.value if category else "service") in rule.categories else None


def _message(draft: Draft, message_id: str, given: Granted, now_ms: int, claim: Claim | None = None) -> Message:
    app, options = draft.app, draft.options
    category, wait_ms, holds, delivery = given
    not_before_ms, expires_at_ms, traceparent = options.not_before_ms, options.expires_at_ms, options.traceparent
    starts_later = not_before_ms > now_ms
    if starts_later:
        if category is None:
            raise _bad_start("is for templates: a free-form message is never kept")
        if options.hold is Hold.REJECT:
            raise _bad_start("asks to keep what Tidegate-Hold: reject asks not to keep")
    # Who may start later may also wait for as long, from then on.
    deadline_ms = (not_before_ms if starts_later else now_ms) + wait_ms if expires_at_ms is None else expires_at_ms
    # By their places: named one by one they take twice the time.
    return Message(
        message_id,
        app.name,
        draft.route,
        draft.request,
        draft.raw_path,
        deadline_ms,
        category,
        holds,
        not_before_ms,
        options.campaign,
        NO_HEADERS if traceparent is None else {"traceparent": traceparent},
        1,
        False,
        None,
        expires_at_ms is None and not starts_later,
        delivery,
        app.webhook_url is not None,
        None,
        (),
        claim,
    )


def _bad_start(rule: str) -> Denial:
    return Denial(denials.Kind.BAD_REQUEST, f"header Tidegate-Not-Before: {rule}")
