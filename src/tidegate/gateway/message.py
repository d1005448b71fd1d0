"""One message on its way, direct or out of the queue, and the route that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson
from msgspec import Struct
from msgspec.structs import replace

from tidegate.cloudapi.messages import RecipientKind, Request, TemplateRef
from tidegate.cloudapi.vocabulary import Category, MessageType
from tidegate.gateway.claims import Claim
from tidegate.journal import Intent
from tidegate.lasting import lasting_json
from tidegate.policy.campaign.part import Part
from tidegate.policy.facts import Case
from tidegate.policy.grant import Grant
from tidegate.policy.reach import Subject
from tidegate.policy.rules import Delivery, Rules
from tidegate.store.sealing import Seal, body_name

_RANK: Final = {Category.AUTHENTICATION: 0, Category.UTILITY: 2, None: 4, Category.MARKETING: 6}
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Route(Struct, frozen=True, cache_hash=True, gc=False):
    """One number and the accounts that it belongs to."""

    portfolio: str
    waba: str
    number: str


class _Noted(NamedTuple):
    words: Mapping[str, str]
    json: bytes


class Message(Struct, gc=False):
    """One message on its way, direct or out of the queue.

    `raw_path` is the path to post to, with its version and query. `deadline_ms` and `not_before_ms` are the store's
    time; `deadline_is_ours` says that nobody asked for the deadline: it was counted from the receipt. `attempt` is the
    fence: 1 for a direct send, what `claim` gave for a queued one.

    What it says of itself is never changed: another message is made of it (`replace`). What is found out about it while
    it is on its way is written into it. A struct is made in half the time that a class with slots takes, and is none
    of the collector's business: nothing that it refers to leads back to it.
    """

    message_id: str
    app: str
    route: Route
    request: Request
    raw_path: str
    deadline_ms: int
    category: Category | None
    hold: bool
    not_before_ms: int = 0
    campaign: str | None = None
    headers: Mapping[str, str] = NO_HEADERS
    deadline_is_ours: bool = False
    delivery: Delivery = Delivery.AT_MOST_ONCE
    """Whether it is tried once more when nothing is heard of its first try."""

    relayed: bool = False
    """Whether its app is told how it ended, by webhook, when that was promised and nobody else tells it."""
    claim: Claim | None = None
    """That it is the only one of its kind, where that is to be found out as it is admitted."""
    kind: object | None = None
    """One object for all that agree in app, route, category, template, type, campaign, delivery and in whether they are
    relayed, as long as one standing lasts; None where nobody made one."""

    # What few direct sends say anything of.
    is_claimed: bool = False
    """Whether the store was told before that it is the only one of its kind: who repeats it finds out there."""

    # What a direct send says nothing of.
    attempt: int = 1
    queued: bool = False
    pacing_wait_ms: int | None = None
    part: Part | None = None
    """The row of a campaign that it is for."""
    alternatives: tuple[Route, ...] = ()
    """Other numbers of its campaign, by which it may go when its own is stopped."""

    # What is found out when it is submitted.
    user: bytes = b""
    """The 16 bytes that stand for its recipient; empty until it is submitted."""
    rules_version: str = ""
    """Of the rules that it was judged by last."""
    of_share: bool = False
    """Whether its app has a share of the messaging limit, so that the place that it takes is counted as the app's."""
    marketing_at_ms: int = 0
    """When it was noted with the recipient as marketing that was sent, where there is a cap on how often; 0: not."""
    intent: Intent | None = None
    """What the books know of it if it was taken, once it was asked for."""

    def __repr__(self) -> str:
        return f"Message({self.message_id!r}, app={self.app!r}, route={self.route!r}, category={self.category!r})"

    @property
    def priority(self) -> int:
        """Authentication, utility, replies, marketing (0 goes first); a queued send goes after a direct one."""
        return _RANK[self.category] + self.queued

    def case(self, waited_ms: float, rules: Rules, zones: tuple[str, ...] = (), grant: Grant | None = None) -> Case:
        """What the guardrails see of it after it has waited `waited_ms` for its turn."""
        request, route = self.request, self.route
        wait_ms = rules.pacing_wait_ms if self.pacing_wait_ms is None else self.pacing_wait_ms
        template = request.template
        return Case(
            route.portfolio,
            route.waba,
            route.number,
            self.category,
            template,
            self.hold,
            self.deadline_ms,
            self.not_before_ms,
            max(0, int(wait_ms - waited_ms)),
            self.campaign,
            self.app,
            request.kind is RecipientKind.GROUP,
            self.queued,
            self.user or None,
            request.recipient if request.kind is RecipientKind.PHONE else "",
            zones,
            grant,
        )

    def subject(self) -> Subject:
        """What a signal of its outcome speaks of."""
        request, route = self.request, self.route
        template = (request.template.name, request.template.language) if request.template else None
        return Subject(route.portfolio, route.waba, route.number, template, self.category, self.user or None)

    def noted(self) -> Mapping[str, str]:
        """What is noted of it beside its record: nothing personal."""
        return self._noted().words

    def noted_json(self) -> bytes:
        """The same as JSON."""
        return self._noted().json

    def _noted(self) -> _Noted:
        noted = _noted(
            self.app,
            self.route,
            self.category,
            self.request.type,
            self.request.template,
            self.campaign,
            self.rules_version,
            self.delivery,
            self.relayed,
            self.of_share,
        )
        if self.part is None and not self.marketing_at_ms:
            return noted
        # What no other message has in common with it.
        words = dict(noted.words)
        if self.part is not None:
            words.update(self.part.noted())
        if self.marketing_at_ms:
            words["marketing_at"] = str(self.marketing_at_ms)
        return _Noted(MappingProxyType(words), lasting_json(words))

    def about(self, seal: Seal, *, promised: bool = False) -> bytes:
        """What is noted of it as JSON, with what its sender noted of it (sealed, for that may be personal).

        Of one that is queued (`promised`: that is about to be) also to whom it goes, where its app is told how it ends.
        """
        words, json = self._noted()
        is_told = self.relayed and (promised or self.queued)
        if not is_told and self.request.opaque is None:
            return json
        noted = dict(words)
        if is_told:
            noted["to"] = seal.close_word(self.message_id, self.request.recipient, self.deadline_ms)
        if self.request.opaque is not None:
            noted["opaque"] = seal.close_word(self.message_id, self.request.opaque, self.deadline_ms)
        return lasting_json(noted)

    def by(self, route: Route) -> Message:
        """It by another number of its campaign; its own becomes one of those by which it may go."""
        path = self.raw_path.replace(f"/{self.route.number}/", f"/{route.number}/", 1)
        others = tuple(other for other in self.alternatives if other != route)
        return replace(self, route=route, raw_path=path, alternatives=(*others, self.route), kind=None)

    @property
    def body_name(self) -> str:
        """What its body is bound to when it is sealed."""
        return body_name(self.message_id, self.route.number, self.app)

    def packed(self) -> bytes:
        """What it needs to go on its way again, as JSON: sealed before it is stored."""
        packed: dict[str, object] = {
            "body": orjson.Fragment(self.request.text) if self.request.text else self.request.body,
            "path": self.raw_path,
            "headers": dict(self.headers),
            "not_before_ms": self.not_before_ms,
        }
        if self.alternatives:
            packed["numbers"] = [route.number for route in self.alternatives]
        return orjson.dumps(packed)


@lru_cache(maxsize=1_024)
def _noted(
    app: str,
    route: Route,
    category: Category | None,
    type_: MessageType,
    template: TemplateRef | None,
    campaign: str | None,
    rules_version: str,
    delivery: Delivery,
    relayed: bool,
    of_share: bool,
) -> _Noted:
    # Most sends of the moment are of a few kinds.
    noted = {
        "app": app,
        "number": route.number,
        "waba": route.waba,
        "category": category.value if category else "service",
        "type": type_.value,
        "template": f"{template.name}/{template.language}" if template else None,
        "campaign": campaign,
        "rules": rules_version or None,
        "delivery": delivery.value if delivery is Delivery.AT_LEAST_ONCE else None,
        "relay": "1" if relayed else None,
        "share": "1" if of_share else None,
    }
    words = {key: value for key, value in noted.items() if value is not None}
    return _Noted(MappingProxyType(words), lasting_json(words))
