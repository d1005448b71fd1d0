"""The imitated WhatsApp Cloud API as a pure, seeded world: no clock, no port, time is an argument.

All times are milliseconds since 1970. Time never runs back: an earlier one counts as the latest one seen.
The same seed and the same calls give the same world, to the byte of every webhook.

A window is judged when a message is accepted: a template accepted inside a customer service window does not
count even if it is delivered after its end, and the other way round. Meta's pages leave this open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.simulator import ladder, notices, reactions
from tidegate.simulator.answers import Answer
from tidegate.simulator.behaviour import Behaviour
from tidegate.simulator.book import Book
from tidegate.simulator.config import SimulatorConfig
from tidegate.simulator.estate import REVIEWS, Estate, Template, limit_of, tier_name
from tidegate.simulator.identity import User, user_by_any
from tidegate.simulator.ids import trace_id
from tidegate.simulator.notices import Webhook
from tidegate.simulator.platform import Platform
from tidegate.simulator.sending import Sending


class World:
    """Meta's side of the Cloud API.

    Its verbs that take ids raise KeyError for an id that nobody owns, and ValueError for a user that is
    neither a phone number nor a user id; what a client of the API could send is always answered.
    """

    def __init__(self, config: SimulatorConfig | None = None, start_ms: int = 0) -> None:
        self._platform = Platform(config or SimulatorConfig(), start_ms)
        self._now_ms = start_ms
        self._errors = 0
        self._sending = Sending(self._platform)

    @property
    def book(self) -> Book:
        """What was accepted and which rules were broken."""
        return self._platform.book

    @property
    def estate(self) -> Estate:
        """What the businesses own."""
        return self._platform.estate

    @property
    def now_ms(self) -> int:
        """The latest time seen."""
        return self._now_ms

    @property
    def start_ms(self) -> int:
        """When this world began."""
        return self._platform.start_ms

    @property
    def lost_webhooks(self) -> int:
        """How many webhooks were lost on purpose."""
        return self._platform.outbox.lost

    def behave(self, behaviour: Behaviour) -> None:
        """Change how the platform behaves from now on; what is under way keeps its fate."""
        self._platform.behaviour = behaviour

    @property
    def behaviour(self) -> Behaviour:
        """How the platform behaves now."""
        return self._platform.behaviour

    def scale(self, factor: float) -> None:
        """Multiply every delay drawn from now on.

        Raises:
            ValueError: the factor is negative.
        """
        if factor < 0:
            raise ValueError("a scale is not negative")
        self._platform.scale = factor

    def post_message(
        self, number_id: str, token: str, body: object, now_ms: int, *, marketing_endpoint: bool = False
    ) -> Answer:
        """Take the parsed body of a POST to `/messages` or `/marketing_messages`, and answer as Meta does."""
        now_ms = self._advance(now_ms)
        answer = self._sending.take(number_id, token, body, now_ms, marketing_endpoint)
        if answer.code is None:
            return answer
        self.book.refused[answer.code] += 1
        return self.trace(answer)

    def trace(self, answer: Answer) -> Answer:
        """Put Meta's `fbtrace_id` into an error."""
        self._errors += 1
        error = answer.body["error"] | {"fbtrace_id": trace_id(self._platform.seed, self._errors)}
        return Answer(answer.http_status, {"error": error})

    def catch_up(self, now_ms: int) -> None:
        """Let everything happen up to now; the webhooks that leave by now wait for `due`."""
        reactions.forget(self._platform, self._advance(now_ms))

    def due(self, now_ms: int) -> list[Webhook]:
        """Let everything happen up to now and take out the webhooks that leave by now."""
        return self._platform.outbox.due(self._advance(now_ms))

    def next_event_at_ms(self) -> int | None:
        """Tell when something next happens by itself or a webhook leaves; None: never."""
        times = (self._platform.agenda.next_at_ms(), self._platform.outbox.next_at_ms())
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def _advance(self, now_ms: int) -> int:
        self._now_ms = max(self._now_ms, now_ms)
        self._platform.agenda.run(self._now_ms)
        return self._now_ms

    def inbound(
        self,
        number_id: str,
        user: str,
        now_ms: int,
        kind: str = "text",
        text: str = "Hello",
        payload: Mapping[str, Any] | None = None,
    ) -> str:
        """Have a user write to a number, which opens the window; give the wamid.

        `user` is a phone number, or a user id for a user who hides his. `payload` is the message's own block
        where `kind` is neither text nor button.
        """
        number, who, now_ms = self.estate.numbers[number_id], self._user(user), self._advance(now_ms)
        blocks: dict[str, Mapping[str, Any]] = {
            "text": {"body": text},
            "button": {"payload": text, "text": text},
        }
        block = payload if payload is not None else blocks.get(kind, {})
        return self._platform.receive(number, who, {"type": kind, kind: dict(block)}, now_ms)

    def prefer(self, number_id: str, user: str, choice: str, now_ms: int) -> None:
        """Have a user `stop` or `resume` marketing messages of the number's account (user_preferences)."""
        if choice not in ("stop", "resume"):
            raise ValueError("a choice is stop or resume")
        number, who = self.estate.numbers[number_id], self._user(user)
        reactions.prefer(self._platform, number, who, choice, self._advance(now_ms))

    def unreach(self, user: str, unreachable: bool = True) -> None:
        """Have a user leave WhatsApp, so that every message fails with 131026; or come back."""
        if unreachable:
            self._platform.unreachable.add(self._user(user).key)
        else:
            self._platform.unreachable.discard(self._user(user).key)

    def set_limit(self, portfolio_id: str, tier: int | str, now_ms: int) -> None:
        """Put another messaging limit in force and tell it (business_capability_update)."""
        portfolio, limit, now_ms = self.estate.portfolios[portfolio_id], limit_of(tier), self._advance(now_ms)
        portfolio.places.set_limit(limit, now_ms)
        told = tier_name(limit) if self._platform.tier_strings else limit
        self.announce(notices.capability(self.estate.lead_waba(portfolio_id).id, told, now_ms))

    def set_template(
        self,
        waba_id: str,
        name: str,
        now_ms: int,
        language: str = "en_US",
        *,
        status: str | None = None,
        category: str | None = None,
        quality: str | None = None,
    ) -> Template:
        """Change or make a template and tell each change by a webhook of its own. A pause ends by itself."""
        now_ms = self._advance(now_ms)
        template = self.estate.put_template(waba_id, name, language, category or "UTILITY", now_ms)
        if category is not None:
            reactions.set_category(self._platform, template, category.upper(), now_ms)
        if quality is not None:
            reactions.set_quality(self._platform, template, quality.upper(), now_ms)
        if status is not None and status.upper() != template.status:
            reactions.set_status(self._platform, template, status.upper(), now_ms)
        return template

    def hold_template(self, waba_id: str, name: str, language: str = "en_US") -> None:
        """Begin template pacing: its messages are accepted as `held_for_quality_assessment`."""
        self.estate.wabas[waba_id].templates[name, language].holding = True

    def release_template(
        self, waba_id: str, name: str, now_ms: int, language: str = "en_US", *, code: int | None = None
    ) -> int:
        """End template pacing: deliver what was held, or fail it with `code` (132015, 135000); give how many.

        A drop with 132015 also pauses the template (Meta: template pacing).
        """
        now_ms = self._advance(now_ms)
        template = self.estate.wabas[waba_id].templates[name, language]
        template.holding = False
        if code == 132015 and template.sendable:
            reactions.set_status(self._platform, template, "PAUSED", now_ms)
        return self._sending.release(template, now_ms, code)

    def set_number(
        self,
        number_id: str,
        *,
        quality: str | None = None,
        status: str | None = None,
        throughput: int | None = None,
        name_status: str | None = None,
    ) -> None:
        """Change what a number's reads show; Meta has no webhook for it, so none is sent."""
        number = self.estate.numbers[number_id]
        number.name_status = name_status or number.name_status
        number.quality = quality or number.quality
        number.status = status or number.status
        number.throughput = throughput or number.throughput

    def restrict(self, waba_id: str, until_ms: int, now_ms: int, *, replies_too: bool = False) -> None:
        """Bar an account's business-initiated messages, or all, until a time; tell it (account_update)."""
        waba, now_ms = self.estate.wabas[waba_id], self._advance(now_ms)
        ladder.restrict(self._platform, waba, until_ms, now_ms, replies_too=replies_too)

    def review(self, waba_id: str, decision: str, now_ms: int) -> None:
        """Decide an account's review: APPROVED, PENDING, DEFERRED or REJECTED; tell it (account_review_update)."""
        if decision not in REVIEWS:
            raise ValueError(f"a review's decision is one of {', '.join(REVIEWS)}")
        self.estate.wabas[waba_id].review = decision
        self.announce(Webhook(self._advance(now_ms), waba_id, "account_review_update", {"decision": decision}))

    def announce(self, webhook: Webhook) -> None:
        """Send any webhook, whether or not it tells the truth."""
        self._platform.tell(webhook, self._advance(webhook.at_ms))

    def utilisation(self, portfolio_id: str, from_ms: int, to_ms: int, most: float = 1.0) -> float:
        """Give the time average of committed users / messaging limit, 0 to `most`, up to the latest time seen."""
        return self.estate.portfolios[portfolio_id].places.use(from_ms, to_ms, self._now_ms, most)

    def state(self) -> dict[str, Any]:
        """Describe everything owned as JSON, without tokens."""
        estate = self.estate
        return {
            "now_ms": self._now_ms,
            "next_event_at_ms": self.next_event_at_ms(),
            "lost_webhooks": self.lost_webhooks,
            "portfolios": {
                portfolio.id: {
                    "messaging_limit": portfolio.places.limit,
                    "committed": portfolio.places.committed(self._now_ms),
                    "delivered": portfolio.places.delivered(self._now_ms),
                }
                for portfolio in estate.portfolios.values()
            },
            "numbers": {
                number.id: {
                    "quality": number.quality,
                    "status": number.status,
                    "throughput": number.throughput,
                }
                for number in estate.numbers.values()
            },
            "templates": [_described(template) for template in estate.templates()],
        }

    @staticmethod
    def _user(spelling: str) -> User:
        user = user_by_any(spelling)
        if user is None:
            raise ValueError("a user is a phone number of 7 to 15 digits or a user id such as US.123")
        return user


def _described(template: Template) -> dict[str, Any]:
    return {
        "waba": template.waba_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "quality": template.quality,
        "holding": template.holding,
    }
