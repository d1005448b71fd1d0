"""What recipients do with template messages, and what Meta then does to the template and the number."""

from __future__ import annotations

from functools import partial
from typing import Final

from tidegate.simulator import notices
from tidegate.simulator.behaviour import HOUR_MS
from tidegate.simulator.chance import Chance
from tidegate.simulator.estate import Number, Template
from tidegate.simulator.identity import User
from tidegate.simulator.platform import Platform
from tidegate.simulator.score import Score

#: Meta (template pausing): the first pause lasts 3 h, the second 6 h, the third time a template is disabled.
PAUSES: Final = ((3 * HOUR_MS, "FIRST_PAUSE"), (6 * HOUR_MS, "SECOND_PAUSE"))


def receive(platform: Platform, number: Number, template: Template, user: User, chance: Chance, now_ms: int) -> None:
    """Let a user react to a template message that was just delivered outside a window."""
    rules = platform.behaviour.reactions
    if rules.quiet:
        return
    blocks, stops = chance.hits(rules.blocks(template.name)), chance.hits(rules.stop_share)
    if blocks:
        platform.blocked.add((number.id, user.key))
    elif stops and template.category == "MARKETING":
        prefer(platform, number, user, "stop", now_ms)
    of_template = platform.scores.setdefault(template.id, Score())
    of_number = platform.scores.setdefault(number.id, Score())
    of_template.add(blocks, now_ms, rules)
    of_number.add(blocks, now_ms, rules)
    _grade_template(platform, template, of_template.quality(rules), now_ms)
    number.quality = of_number.quality(rules)  # told by no webhook: Meta has none for it
    if number.quality != "UNKNOWN" and of_number.share() >= rules.spam_share:
        number.spam_until_ms = now_ms + rules.spam_hold_ms


def prefer(platform: Platform, number: Number, user: User, choice: str, now_ms: int) -> None:
    """Let a user stop or resume marketing messages of a business; `choice` is stop or resume."""
    if choice == "stop":
        platform.stopped.add((number.waba_id, user.key))
    else:
        platform.stopped.discard((number.waba_id, user.key))
    platform.tell(notices.preference(number, user, choice, now_ms), now_ms)


def set_status(platform: Platform, template: Template, status: str, now_ms: int) -> None:
    """Give a template another status and tell it; a pause ends by itself."""
    if status == "PAUSED":
        pause_ms, title = PAUSES[min(template.pauses, len(PAUSES) - 1)]
        template.pauses += 1
        hours = pause_ms // HOUR_MS
        text = f"Your WhatsApp message template has been paused for {hours} hours: it continued to have issues."
        _change(platform, template, "PAUSED", "PAUSED", title, text, now_ms)
        platform.agenda.enter(now_ms + pause_ms, partial(_unpause, platform, template, template.pauses))
    elif status == "APPROVED" and template.status in {"PAUSED", "DISABLED"}:
        text = "Your WhatsApp message template has been unpaused."
        _change(platform, template, "APPROVED", "REINSTATED", "UNPAUSE", text, now_ms)
    elif status == "DISABLED":
        text = "Your WhatsApp message template has been disabled because it was paused too often."
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
