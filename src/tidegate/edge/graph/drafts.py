"""A send between its request and its verdict."""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct

from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge import denials
from tidegate.edge.denials import Denial
from tidegate.edge.graph.send_options import SendOptions
from tidegate.gateway import Claim, Message, Route
from tidegate.gateway.wishes import Granted, granted
from tidegate.policy.rules import Duplicates, Hold, Mode
from tidegate.policy.standing import Standing
from tidegate.settings.tables import App

#: What is granted is kept of so many kinds of sends of a portfolio.
_MOST_KINDS: Final = 4_096


class Kind(Struct, frozen=True, gc=False):
    """What drafts that ask for the same come to under one standing. `duplicates`: the rule, where it speaks of them."""

    granted: Granted
    duplicates: Duplicates | None


class Draft(Struct, gc=False):
    """A send that was read from a request and has not been judged; never changed. `raw`: its body, as it came."""

    app: App
    route: Route
    request: Request
    options: SendOptions
    raw_path: str
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """Of method, path and body (hex): tells two requests with one Idempotency-Key apart."""
        return hashlib.sha256(b"POST %b\n%b" % (self.raw_path.partition("?")[0].encode(), self.raw)).hexdigest()

    def __repr__(self) -> str:
        return f"Draft({self.options!r})"


class Kinds:
    """Tells what drafts come to. What those that ask for the same do is worked out once under a standing."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, tuple[Standing, dict[tuple[object, ...], Kind]]] = {}

    def of(self, draft: Draft, standing: Standing) -> Kind:
        """What this one comes to."""
        route, request, options = draft.route, draft.request, draft.options
        asked = (route.waba, request.template, request.category, options.wishes)
        try:
            under, kinds = self._known[route.portfolio]
            if under is standing:
                return kinds[asked]
        except KeyError:
            pass
        return self._work_out(draft, standing, asked)

    def _work_out(self, draft: Draft, standing: Standing, asked: tuple[object, ...]) -> Kind:
        under, kinds = self._known.get(draft.route.portfolio, (None, {}))
        if under is not standing or len(kinds) >= _MOST_KINDS:
            kinds = {}
            self._known[draft.route.portfolio] = standing, kinds
        given = _granted(draft, standing)
        kind = kinds[asked] = Kind(given, _rule(standing.rules.duplicates, given[0]))
        return kind


def to_message(draft: Draft, message_id: str, standing: Standing, now_ms: int) -> Message:
    """The gateway's message, received at `now_ms`. Raises Denial for options that contradict it."""
    return message_of(draft, message_id, _granted(draft, standing), now_ms)


def message_of(draft: Draft, message_id: str, given: Granted, now_ms: int, claim: Claim | None = None) -> Message:
    """The same of a draft that is granted this. `claim`: that it is the only one of its kind, found out as it is
    admitted.
    """
    app, options = draft.app, draft.options
    category, wait_ms, holds, delivery = given
    not_before_ms, deadline_ms = options.not_before_ms, options.expires_at_ms
    is_ours = False
    if not_before_ms > now_ms:
        _refuse_bad_start(category, options)
        if deadline_ms is None:
            # Who may start later may also wait for as long, from then on.
            deadline_ms = not_before_ms + wait_ms
    elif deadline_ms is None:
        deadline_ms, is_ours = now_ms + wait_ms, True
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
        options.headers,
        is_ours,
        delivery,
        app.webhook_url is not None,
        claim,
    )


def _granted(draft: Draft, standing: Standing) -> Granted:
    return granted(standing, draft.route, draft.request, draft.options.wishes)


def _rule(rule: Duplicates | None, category: Category | None) -> Duplicates | None:
    if rule is None or rule.mode is Mode.OFF:
        return None
    return rule if (category.value if category else "service") in rule.categories else None


def _refuse_bad_start(category: Category | None, options: SendOptions) -> None:
    if category is None:
        raise _bad_start("is for templates: a free-form message is never kept")
    if options.wishes.hold is Hold.REJECT:
        raise _bad_start("asks to keep what Tidegate-Hold: reject asks not to keep")


def _bad_start(rule: str) -> Denial:
    return Denial(denials.Kind.BAD_REQUEST, f"header Tidegate-Not-Before: {rule}")
