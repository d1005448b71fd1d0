"""`/recipients/{phone}`: what a user wants, with the evidence for it; and what is known of them, told and erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from tidegate.cloudapi.recipients import RecipientKind, canonical_phone, is_bsuid
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.calls import Call
from tidegate.edge.control.audiences import erased_rows
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import read_time, write_time, write_time_up
from tidegate.policy import identity
from tidegate.policy.audit import Act
from tidegate.policy.breaker import Breaker, State, state_at
from tidegate.policy.lifecycle import State as MessageState
from tidegate.policy.users import Name, User, Word, spellings
from tidegate.policy.zones import load_zone

LONGEST_SOURCE: Final = 500
#: Clocks differ; what was said later than that has not been said yet.
_AHEAD_MS: Final = 60_000
_CATEGORIES: Final = tuple(category.value for category in Category)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Order:
    """What a caller wants written down. `at_ms` None: said now; `zone` is None unless `sets_zone`."""

    granted: Mapping[str, bool]
    source: str
    at_ms: int | None
    sets_zone: bool
    zone: str | None

    def words(self, now_ms: int) -> dict[str, Word]:
        """By category."""
        at_ms = now_ms if self.at_ms is None else min(self.at_ms, now_ms)
        return {category: Word(granted, at_ms, self.source) for category, granted in self.granted.items()}

    def on(self, user: User, now_ms: int) -> User:
        """The user after it."""
        after = user.with_words(self.words(now_ms))
        return after.in_zone(self.zone) if self.sets_zone else after

    @property
    def tightens(self) -> bool:
        """Whether less may be sent after it."""
        return self.sets_zone or not all(self.granted.values())


async def read_recipient(call: Call) -> Reply:
    """What is known of a user, in each portfolio that the app may use."""
    name = _name(call)
    told = []
    for portfolio in call.grants.portfolios(call.app):
        now_ms = (await call.books(portfolio)).now_ms
        _, user = await call.services.users.resolve(portfolio, call.services.aliases.recipient(name))
        told.append((portfolio, user, now_ms))
    return _told(name, told)


async def write_consent(call: Call) -> Reply:
    """Write down what a user wants; on return no send that they refuse can start, on any node."""
    name, services = _name(call), call.services
    fields = await call.fields()
    told = []
    order = _order(fields, call)
    for portfolio in call.grants.portfolios(call.app):
        now_ms = (await call.books(portfolio)).now_ms
        if order.at_ms is not None and order.at_ms > now_ms + _AHEAD_MS:
            raise Denial(Kind.BAD_REQUEST, "body at: lies ahead: what a user will want is not known yet")
        if not all(order.granted.values()):
            # A refusal holds for all spellings of the number.
            await services.aliases.learn(portfolio, spellings(name, now_ms), now_ms)
        recipient, change = services.aliases.recipient(name), partial(order.on, now_ms=now_ms)
        wanted = {**order.granted, **({"zone": order.zone} if order.sets_zone else {})}
        await call.audit(portfolio, Act.CONSENT_WRITE, {"recipient": recipient.hex()}, order.source, **wanted)
        user = await services.users.update(portfolio, recipient, change)
        told.append((portfolio, user, now_ms))
        log.info(
            "consent_written",
            app=call.app.name,
            portfolio=portfolio,
            granted=[category for category, granted in order.granted.items() if granted],
            refused=[category for category, granted in order.granted.items() if not granted],
            zone_set=order.sets_zone,
        )
    if order.tightens:
        await services.enforcement.settled()
    return _told(name, told)


async def erase_recipient(call: Call) -> Reply:
    """Forget a user: consent, windows, sends, names, webhooks; what is queued for them is cancelled."""
    name, services = _name(call), call.services
    forget = _forget(call.query("forget"))
    kept: set[str] = set()
    cancelled = webhooks = rows = 0
    for portfolio in call.grants.portfolios(call.app):
        numbers = [number.id for owner, _, number in services.settings.numbers if owner.id == portfolio]
        recipient = services.aliases.recipient(name)
        await call.audit(portfolio, Act.RECIPIENT_ERASE, {"recipient": recipient.hex()}, forget=forget)
        # Before what is queued is looked for: of rows that are gone no more is queued.
        found = await erased_rows(call, portfolio, recipient)
        rows, cancelled = rows + found.rows, cancelled + found.cancelled
        erased = await services.users.erase(portfolio, recipient, numbers, forget=forget)
        kept |= erased.left.refused.keys()
        for message_id in erased.queued:
            cause = f"its recipient was erased by {call.app.name}"
            was = await services.queue.end(portfolio, message_id, MessageState.CANCELLED.value, cause)
            cancelled += was == MessageState.QUEUED.value
        messages = await services.messages.erase(portfolio, erased.names)
        # Last: what ends by now is told without the recipient, and what was told before is found.
        waited = await services.relay.erase(portfolio, erased.names)
        webhooks += waited
        log.info(
            "recipient_erased",
            app=call.app.name,
            portfolio=portfolio,
            cancelled=len(erased.queued),
            messages=messages,
            webhooks=waited,
            kept=sorted(erased.left.refused),
        )
    told = {"recipient": _spelling(name), "erased": True, "cancelled": cancelled, "webhooks": webhooks, "rows": rows}
    return json_reply(told | {"kept": sorted(kept)})


def _name(call: Call) -> Name:
    text = call.path("phone")
    digits = canonical_phone(text)
    if digits is not None:
        return Name(RecipientKind.PHONE, digits)
    if is_bsuid(text):
        return Name(RecipientKind.BSUID, text)
    detail = "has to be an international phone number, country code first, or a business-scoped user id"
    raise Denial(Kind.BAD_REQUEST, f"path: {detail}")


def _spelling(name: Name) -> str:
    """The one spelling that all others of a number are read as."""
    return identity.canonical_phone(name.text) if name.kind is RecipientKind.PHONE else name.text


def _forget(given: str | None) -> bool:
    if given not in (None, "true", "false"):
        raise Denial(Kind.BAD_REQUEST, "query forget: has to be true or false")
    return given == "true"


def _order(fields: Mapping[str, Any], call: Call) -> _Order:
    unknown = fields.keys() - {*_CATEGORIES, "source", "at", "zone"}
    if unknown:
        detail = f"body: may have {', '.join(_CATEGORIES)}, source, at and zone, and nothing else"
        raise Denial(Kind.BAD_REQUEST, detail)
    granted = {category: fields[category] for category in _CATEGORIES if category in fields}
    for category, value in granted.items():
        if not isinstance(value, bool):
            raise Denial(Kind.BAD_REQUEST, f"body {category}: has to be true or false")
    if not granted and "zone" not in fields:
        raise Denial(Kind.BAD_REQUEST, "body: says neither what the user wants nor where they are")
    return _Order(
        granted=granted,
        source=_source(fields.get("source"), call),
        at_ms=_at_ms(fields.get("at")),
        sets_zone="zone" in fields,
        zone=_zone(fields.get("zone")),
    )


def _source(given: Any, call: Call) -> str:
    if given is None:
        return f"app {call.app.name}"
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_SOURCE or not given.isprintable():
        raise Denial(Kind.BAD_REQUEST, f"body source: has to be 1 to {LONGEST_SOURCE} printable characters")
    return given


def _at_ms(given: Any) -> int | None:
    if given is None:
        return None
    at_ms = read_time(given) if isinstance(given, str) else None
    if at_ms is None or at_ms < 0:
        raise Denial(Kind.BAD_REQUEST, "body at: has to be an RFC 3339 time with its offset")
    return at_ms


def _zone(given: Any) -> str | None:
    if given is not None and (not isinstance(given, str) or load_zone(given) is None):
        raise Denial(Kind.BAD_REQUEST, 'body zone: has to be an IANA time zone such as "Europe/Rome", or null')
    return given


def _told(name: Name, found: list[tuple[str, User, int]]) -> Reply:
    return json_reply(
        {
            "recipient": _spelling(name),
            **{category.value: _together(category, [user for _, user, _ in found]) for category in Category},
            "portfolios": [_known(portfolio, user, now_ms) for portfolio, user, now_ms in found],
        }
    )


def _together(category: Category, users: list[User]) -> bool | None:
    """What holds in all portfolios: a refusal in one of them, else a consent in each; None where nobody knows."""
    if any(user.opted_out(category) for user in users):
        return False
    return True if users and all(user.opted_in(category) for user in users) else None


def _known(portfolio: str, user: User, now_ms: int) -> dict[str, Any]:
    words = {
        category: {"granted": word.granted, "source": word.source, "at": write_time(word.at_ms)}
        for category, word in user.consents.items()
    }
    in_force = [breaker for breaker in user.breakers.values() if state_at(breaker, now_ms) is not State.CLOSED]
    return {
        "portfolio": portfolio,
        "consent": words,
        "zone": user.zone,
        "held": [_held(breaker, now_ms) for breaker in sorted(in_force, key=lambda breaker: breaker.opened_at_ms)],
        "marketing_sent": [write_time(at_ms) for at_ms in user.marketing_sent_at_ms],
    }


def _held(breaker: Breaker, now_ms: int) -> dict[str, Any]:
    return {
        "rule": breaker.rule,
        "scope": breaker.scope.value,
        "covers": breaker.covers.value,
        "reason": breaker.reason.value,
        "state": state_at(breaker, now_ms).value,
        "cause": breaker.cause,
        "since": write_time(breaker.opened_at_ms),
        "until": None if breaker.until_ms is None else write_time_up(breaker.until_ms),
    }
