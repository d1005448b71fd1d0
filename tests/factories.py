"""Values for tests: each with what most tests want, and a word for what one test wants otherwise."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.cloudapi.vocabulary import Category
from tidegate.journal import Intent
from tidegate.policy.campaign.order import Order
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.facts import NO_LIMIT, Case, Facts, Tally, Terms
from tidegate.policy.lifecycle import RANK
from tidegate.policy.rules import Rules
from tidegate.policy.standing import NumberStanding, Standing, TemplateStanding
from tidegate.policy.verdict import Objection, Reason
from tidegate.store.asks import Ask, More
from tidegate.store.data_keys import DataKey
from tidegate.store.ledger import Inbound, Ledger, Outcome, Settled
from tidegate.store.scripts import StoreClient
from tidegate.store.sealing import Seal
from tidegate.store.statuses import Kind, Status

PORTFOLIO = "lucky-shrub"
WABA = "102290129340398"
NUMBER = "106540352242922"
TEMPLATE = ("seasonal_offer", "en_US")

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
NEVER_MS = NOW_MS + 10_000 * DAY_MS

RANKS = {state.value: rank for state, rank in RANK.items()}


def make_case(**changes: Any) -> Case:
    """A marketing template that may be queued, to one user."""
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "waba": WABA,
        "number": NUMBER,
        "category": Category.MARKETING,
        "template": TEMPLATE,
        "hold": True,
        "expires_at_ms": NEVER_MS,
    }
    return Case(**values | changes)


def make_service_case(**changes: Any) -> Case:
    """A free-form message."""
    return make_case(**{"category": None, "template": None, "hold": False} | changes)


def make_terms(**changes: Any) -> Terms:
    """Counts, and asks for nothing else: no limit, no pace."""
    values: dict[str, Any] = {
        "epoch": 0,
        "needs_window": False,
        "counts": True,
        "places": NO_LIMIT,
        "limit_places": NO_LIMIT,
        "category_places": NO_LIMIT,
        "hold_ms": DAY_MS,
        "window_margin_ms": 0,
        "pair_emission_ms": 0,
        "pair_tolerance_ms": 0,
        "throughput_emission_us": 0,
        "throughput_tolerance_us": 0,
    }
    return Terms(**values | changes)


def make_share(app: str, places: int) -> Tally:
    """What a send of an app asks for beside its place, where the app may have so many (NO_LIMIT: they are counted)."""
    return Tally(f"share:{app}", 1, places, only_new=True, expires_at_ms=0, of_places=True)


def make_facts(**changes: Any) -> Facts:
    """An empty book, seen at `NOW_MS`."""
    values: dict[str, Any] = {"now_ms": NOW_MS, "epoch": 0, "taken": True}
    return Facts(**values | changes)


def make_standing(**changes: Any) -> Standing:
    """A portfolio of 2,000 places with one number of 80 messages a second and one approved template."""
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "epoch": 0,
        "limit": 2_000,
        "limit_source": "config",
        "numbers": {NUMBER: NumberStanding(NUMBER)},
    }
    return Standing(**values | changes)


def make_template(**changes: Any) -> TemplateStanding:
    """What the standing knows of `TEMPLATE`."""
    values: dict[str, Any] = {"waba": WABA, "name": TEMPLATE[0], "language": TEMPLATE[1]}
    return TemplateStanding(**values | changes)


def make_rules(**tables: Any) -> Rules:
    """The default rules, with these tables as they would be written in the file."""
    return Rules.model_validate(tables)


def make_objection(**changes: Any) -> Objection:
    """A no that ends at no known time."""
    values: dict[str, Any] = {"reason": Reason.MESSAGING_LIMIT, "detail": "all places are taken"}
    return Objection(**values | changes)


def make_order(**changes: Any) -> dict[str, Any]:
    """The JSON that a campaign is ordered by: one template, which greets by `first_name`, to all at once."""
    greeting = {"type": "body", "parameters": [{"type": "text", "text": "{{first_name}}"}]}
    template = {"name": TEMPLATE[0], "language": {"code": TEMPLATE[1]}, "components": [greeting]}
    order = {"name": "Black Friday", "numbers": [NUMBER], "template": template} | changes
    return {key: value for key, value in order.items() if value is not None}


def make_campaign(campaign_id: str = "cmp-1", **changes: Any) -> Campaign:
    """A campaign made at `NOW_MS`; `changes` of its order."""
    order = make_order(**changes)
    return Order.model_validate(order).campaign(campaign_id, PORTFOLIO, "shop", NOW_MS, order)


def user(number: int) -> bytes:
    """The 16 bytes of a recipient. Few of them: users 0 and 3, 1 and 4 ... share a bucket of places."""
    return bytes([0, number % 3]) + number.to_bytes(14, "big")[-1:] * 14


class OneKey:
    """A data key for all and for ever, without a store."""

    def __init__(self, secret: bytes = b"k" * 32) -> None:
        self._key = DataKey(hashlib.blake2b(secret, digest_size=8).digest(), secret, AESGCM(secret))
        self.todays = [self._key]
        self.ends_ms = [NEVER_MS]
        self.turns_at_ms = NOW_MS

    def now_ms(self) -> int:
        return NOW_MS

    async def ready(self) -> None:
        return

    async def find(self, key_id: bytes) -> DataKey | None:
        return self._key if key_id == self._key.key_id else None


def make_seal(secret: bytes = b"k" * 32) -> Seal:
    return Seal(secret, OneKey(secret))


def make_ledger(client: StoreClient, *portfolios: str, one_slot: bool = False) -> Ledger:
    return Ledger(client, portfolios or (PORTFOLIO,), RANKS, one_slot=one_slot)


def make_ask(message_id: str, recipient: bytes, **changes: Any) -> Ask:
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "message_id": message_id,
        "attempt": 1,
        "recipient": recipient,
        "number": NUMBER,
        "about": b"{}",
    }
    intent = Intent(**{name: changes.pop(name, value) for name, value in values.items()})
    more = {name: changes.pop(name) for name in More._fields if name in changes}
    asked: dict[str, Any] = {"terms": make_terms(), "deadline_ms": NEVER_MS}
    return Ask(intent, **asked | ({"more": More(**more)} if more else {}) | changes)


def make_outcome(message_id: str, state: Settled = "accepted", **changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "message_id": message_id,
        "attempt": 1,
        "state": state,
        "cause": "a test",
    }
    return Outcome(**values | changes)


def make_status(message_id: str, status: str, at_ms: int, **changes: Any) -> Status:
    """A status webhook as the gateway reads it: deliveries count, failures free, the rest keeps."""
    says = {"delivered": "counts", "read": "counts", "failed": "frees"}.get(status, "keeps")
    kind: dict[str, Any] = {"portfolio": PORTFOLIO, "status": status, "cause": "a test", "says": says, "at_ms": at_ms}
    values: dict[str, Any] = {"wamid": f"wamid.{message_id}", "sealed": f"wamid.{message_id}|sealed"}
    for name, value in changes.items():
        (kind if name in Kind.__struct_fields__ else values)[name] = value
    return Status(Kind(**kind), message_id, **values)


def make_inbound(recipient: bytes, at_ms: int, number: str = NUMBER) -> Inbound:
    return Inbound(PORTFOLIO, recipient, number, at_ms)
