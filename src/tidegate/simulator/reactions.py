"""What recipients do with template messages, and what Meta then does to the template and the number."""

from __future__ import annotations

from functools import partial
from typing import Final

from tidegate.simulator import ladder, notices, old_regime
from tidegate.simulator.behaviour import HOUR_MS
from tidegate.simulator.book import Penalty, PenaltyKind
from tidegate.simulator.estate import Number, Template
from tidegate.simulator.identity import User
from tidegate.simulator.platform import Platform
from tidegate.simulator.score import Score
from tidegate.simulator.temper import temper_of

#: Meta (template pausing): the first pause lasts 3 h, the second 6 h, the third time a template is disabled.
PAUSES: Final = ((3 * HOUR_MS, "FIRST_PAUSE"), (6 * HOUR_MS, "SECOND_PAUSE"))


def receive(platform: Platform, number: Number, template: Template, user: User, now_ms: int) -> None:
    """Let a user get a template message outside a window, and react to it in his time."""
    rules = platform.behaviour.reactions
    old_regime.restrict_full(platform, number, now_ms)
    if rules.quiet:
        return
    for subject in (template.id, number.id, number.waba_id):
        platform.scores.setdefault(subject, Score()).delivered(now_ms, rules)
    temper = temper_of(platform, user, template)
    if temper.blocks:
        reacts_ms = platform.later(now_ms, temper.delay_ms)
        platform.agenda.enter(reacts_ms, partial(_block, platform, number, template, user))
    elif temper.stops:
        reacts_ms = platform.later(now_ms, temper.delay_ms)
        platform.agenda.enter(reacts_ms, partial(_stop, platform, number, user, temper.in_words))
    _grade(platform, number, template, now_ms)


def _block(platform: Platform, number: Number, template: Template, user: User, now_ms: int) -> None:
    platform.blocked.add((number.id, user.key))
    for subject in (template.id, number.id, number.waba_id):
        if subject in platform.scores:  # what was pardoned meanwhile is not held against anybody
            platform.scores[subject].disliked(now_ms, platform.behaviour.reactions)
    _grade(platform, number, template, now_ms)


def _stop(platform: Platform, number: Number, user: User, in_words: bool, now_ms: int) -> None:
    if in_words:
        platform.asked_to_stop.setdefault((number.waba_id, user.key), now_ms)
        platform.receive(number, user, {"type": "text", "text": {"body": "STOP"}}, now_ms)
    else:
        prefer(platform, number, user, "stop", now_ms)


def _grade(platform: Platform, number: Number, template: Template, now_ms: int) -> None:
    rules, scores = platform.behaviour.reactions, platform.scores
    if template.id in scores:
        _grade_template(platform, template, scores[template.id].quality(now_ms, rules), now_ms)
    if number.id in scores:
        number.quality = scores[number.id].quality(now_ms, rules)  # told by no webhook: Meta has none for it
        if number.quality != "UNKNOWN" and scores[number.id].share() >= rules.spam_share:
            _hold_for_spam(platform, number, now_ms)
    ladder.look(platform, platform.estate.wabas[number.waba_id], now_ms)
    old_regime.look(platform, number, now_ms)


def forget(platform: Platform, now_ms: int) -> None:
    """Let the qualities of numbers fade with what they rest on, though nothing is sent."""
    for number in platform.estate.numbers.values():
        if number.id in platform.scores:
            number.quality = platform.scores[number.id].quality(now_ms, platform.behaviour.reactions)


def _hold_for_spam(platform: Platform, number: Number, now_ms: int) -> None:
    held = now_ms < number.spam_until_ms
    number.spam_until_ms = now_ms + platform.behaviour.reactions.spam_hold_ms
    if not held:
        platform.book.punish(Penalty(PenaltyKind.SPAM_HOLD, now_ms, number.id, number.spam_until_ms))


def prefer(platform: Platform, number: Number, user: User, choice: str, now_ms: int) -> None:
    """Let a user stop or resume marketing messages of a business; `choice` is stop or resume."""
    if choice == "stop":
        platform.stopped.setdefault((number.waba_id, user.key), now_ms)
    else:
        platform.stopped.pop((number.waba_id, user.key), None)
        platform.asked_to_stop.pop((number.waba_id, user.key), None)
    platform.tell(notices.preference(number, user, choice, now_ms), now_ms)


def set_status(platform: Platform, template: Template, status: str, now_ms: int) -> None:
    """Give a template another status and tell it; a pause ends by itself."""
    if status == "PAUSED":
        pause_ms, title = PAUSES[min(template.pauses, len(PAUSES) - 1)]
        template.pauses += 1
        platform.book.punish(Penalty(PenaltyKind.TEMPLATE_PAUSED, now_ms, template.name, now_ms + pause_ms))
        hours = pause_ms // HOUR_MS
        text = f"Your WhatsApp message template has been paused for {hours} hours: it continued to have issues."
        _change(platform, template, "PAUSED", "PAUSED", title, text, now_ms)
        platform.agenda.enter(now_ms + pause_ms, partial(_unpause, platform, template, template.pauses))
    elif status == "APPROVED" and template.status in {"PAUSED", "DISABLED"}:
        text = "Your WhatsApp message template has been unpaused."
        _change(platform, template, "APPROVED", "REINSTATED", "UNPAUSE", text, now_ms)
    elif status == "DISABLED":
        text = "Your WhatsApp message template has been disabled because it was paused too often."
        platform.book.punish(Penalty(PenaltyKind.TEMPLATE_DISABLED, now_ms, template.name))
        _change(platform, template, "DISABLED", "DISABLED", "DISABLED", text, now_ms)
    else:
        _change(platform, template, status, status, None, "", now_ms)


def set_quality(platform: Platform, template: Template, quality: str, now_ms: int) -> None:
    """Give a template another quality score and tell it."""
    before, template.quality = template.quality, quality
    if before != quality:
        platform.tell(notices.template_quality(template, before, now_ms), now_ms)


def set_category(platform: Platform, template: Template, category: str, now_ms: int) -> None:
    """Give a template another category and tell it."""
    before, template.category = template.category, category
    if before != category:
        platform.tell(notices.template_category(template, before, now_ms), now_ms)


def _grade_template(platform: Platform, template: Template, quality: str, now_ms: int) -> None:
    if quality == "UNKNOWN":
        return  # too few deliveries to say anything new
    set_quality(platform, template, quality, now_ms)
    if quality == "RED" and template.sendable:
        set_status(platform, template, "PAUSED" if template.pauses < len(PAUSES) else "DISABLED", now_ms)


def _unpause(platform: Platform, template: Template, pause: int, now_ms: int) -> None:
    if template.status == "PAUSED" and template.pauses == pause:
        platform.scores.pop(template.id, None)
        set_status(platform, template, "APPROVED", now_ms)


def _change(
    platform: Platform, template: Template, status: str, event: str, title: str | None, text: str, now_ms: int
) -> None:
    template.status, template.status_since_ms = status, now_ms
    platform.tell(notices.template_status(template, event, now_ms, title, text), now_ms)
