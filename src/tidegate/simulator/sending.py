"""The way of a send through Meta: who may, is it taken, what is entered in the book."""

from __future__ import annotations

from tidegate.simulator import admission, answers, life
from tidegate.simulator.admission import Attempt
from tidegate.simulator.answers import Answer
from tidegate.simulator.book import Accepted, ViolationKind
from tidegate.simulator.chance import Chance
from tidegate.simulator.config import UNLIMITED
from tidegate.simulator.estate import Estate, Number, Template
from tidegate.simulator.ids import Stream, wamid
from tidegate.simulator.intake import ReadReceipt, Send, read_send
from tidegate.simulator.life import Message
from tidegate.simulator.platform import Platform
from tidegate.simulator.temper import temper_of


def refuse_access(estate: Estate, token: str, object_id: str, verb: str) -> Answer | None:
    """Give the refusal of a call to an object that this token does not open; None: it does."""
    number = estate.numbers.get(object_id)
    waba = estate.wabas.get(number.waba_id if number else object_id)
    if waba is not None and waba.access_token == token:
        return None
    wabas = [waba for waba in estate.wabas.values() if waba.access_token == token]
    if not wabas:
        return answers.bad_token()
    opened = {waba.portfolio_id for waba in wabas}
    opened |= {template.id for waba in wabas for template in waba.templates.values()}
    return None if object_id in opened else answers.unknown_object(object_id, verb)


class Sending:
    """Takes or refuses sends, and keeps those that template pacing holds back."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._held: dict[str, list[Message]] = {}

    def take(self, number_id: str, token: str, body: object, now_ms: int, marketing_endpoint: bool) -> Answer:
        """Answer a send; with a success it is on its way, unless it is held or a read receipt."""
        refused = refuse_access(self._platform.estate, token, number_id, "POST")
        if refused:
            return refused
        number = self._platform.estate.numbers.get(number_id)
        if number is None:
            return answers.unknown_path("messages")
        send = read_send(body)
        if isinstance(send, Answer):
            return send
        if isinstance(send, ReadReceipt):
            return answers.SUCCESS
        attempt = self._attempt(number, send, now_ms, marketing_endpoint)
        return admission.judge(self._platform, attempt) or self._accept(attempt)

    def release(self, template: Template, now_ms: int, code: int | None) -> int:
        """Let the held messages of a template go, or fail them with a code; give how many there were."""
        held = self._held.pop(template.id, [])
        for message in held:
            if code is None:
                life.begin(self._platform, message, now_ms)
            else:
                life.fail(self._platform, message, code, now_ms)
        return len(held)

    def _attempt(self, number: Number, send: Send, now_ms: int, marketing_endpoint: bool) -> Attempt:
        estate = self._platform.estate
        waba = estate.wabas[number.waba_id]
        template = waba.templates.get(send.template) if send.template else None
        inside_window = self._platform.windows.is_open(number.id, send.user.key, now_ms)
        portfolio = estate.portfolio_of(number)
        return Attempt(send, now_ms, number, waba, portfolio, template, inside_window, marketing_endpoint)

    def _accept(self, attempt: Attempt) -> Answer:
        send, template, book = attempt.send, attempt.template, self._platform.book
        order = len(book.accepted) + 1
        accepted = Accepted(
            attempt.now_ms,
            attempt.user,
            attempt.number.id,
            attempt.category,
            attempt.inside_window,
            attempt.business_initiated and not attempt.inside_window,
            send.opaque,
            wamid(self._platform.seed, Stream.OUTBOUND, order),
            template.name if template else None,
            self._is_harmful(attempt),
        )
        if accepted.counts:
            self._take_place(attempt)
        book.enter(accepted, attempt.portfolio.id)
        message = Message(
            accepted,
            attempt.number,
            attempt.portfolio,
            send.user,
            template,
            send.by_user_id,
            attempt.marketing_endpoint,
            Chance(self._platform.seed, order),
        )
        status = self._launch(message, attempt.now_ms)
        # the phone number is left out of the answer to a send by user id (Meta: business-scoped user ids)
        wa_id = None if send.by_user_id else send.user.wa_id
        return answers.accepted(send.recipient, wa_id, send.user.user_id, accepted.wamid, status)

    def _is_harmful(self, attempt: Attempt) -> bool:
        platform, template = self._platform, attempt.template
        if template is None or attempt.inside_window or not platform.is_reachable(attempt.user):
            return False
        return temper_of(platform, attempt.send.user, template).blocks

    def _launch(self, message: Message, now_ms: int) -> str | None:
        if message.template is None:
            life.begin(self._platform, message, now_ms)
            return None
        if message.template.holding:
            self._held.setdefault(message.template.id, []).append(message)
            return "held_for_quality_assessment"
        life.begin(self._platform, message, now_ms)
        return "accepted"

    def _take_place(self, attempt: Attempt) -> None:
        places, now_ms = attempt.portfolio.places, attempt.now_ms
        allowed = places.largest_limit(now_ms - self._platform.behaviour.grace_ms)
        committed = places.committed(now_ms)
        if allowed != UNLIMITED and committed >= allowed and not places.is_committed(attempt.user, now_ms):
            evidence: admission.Evidence = {
                "committed": committed,
                "delivered": places.delivered(now_ms),
                "limit": allowed,
            }
            admission.broken(self._platform, ViolationKind.OVER_LIMIT, attempt, evidence)
        places.start(attempt.user, now_ms)
