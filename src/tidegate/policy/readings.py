"""What nodes of Graph say: facts for the standing, and signals that may have consequences.

A field that is missing, a word that is not known and a value of another type say nothing.
Sources: Meta, reference of the phone number node, of the account node and of its `message_templates`; "Health status".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from tidegate.cloudapi.vocabulary import (
    NumberStatus,
    Quality,
    Review,
    TemplateStatus,
    Verification,
    read_category,
    read_limit,
)
from tidegate.policy.consequences.sightings import signals_of_account, signals_of_number, signals_of_template
from tidegate.policy.consequences.signal import Signal
from tidegate.policy.consequences.vocabulary import AVAILABILITIES
from tidegate.policy.reach import Subject
from tidegate.policy.standing import Change

#: Messages per second by `throughput.level`. Source: Meta, "Throughput".
_LEVELS: Final[Mapping[str, int]] = {"HIGH": 1_000}
_CAUSE: Final = "read from Graph"

_Words = TypeVar("_Words", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one node said."""

    changes: tuple[Change, ...] = ()
    signals: tuple[Signal, ...] = ()


def number_reading(node: Mapping[str, Any], subject: Subject, asked_at_ms: int) -> Reading:
    """A phone number node; `subject` names the number, `asked_at_ms` is the store's time at which it was asked for."""
    quality = _quality(node.get("quality_rating"))
    status = _known(NumberStatus, node.get("status"))
    name_status = _word(node.get("name_status"))
    values: dict[str, Any] = {}
    if quality is not None:
        values["quality"] = quality.value
    if status is not None:
        values["status"] = status.value
    level = _word(_object(node.get("throughput")).get("level"))
    if level is not None and level in _LEVELS:
        values["throughput"] = _LEVELS[level]
    # Whether a change tightens is not told: what was read is acknowledged to nobody.
    changes = [Change("number", subject.number or "", values, "graph", asked_at_ms, _CAUSE)] if values else []
    limit = read_limit(node.get("whatsapp_business_manager_messaging_limit"))
    if limit is not None:
        changes.append(Change("limit", "", {"limit": limit}, "graph", asked_at_ms, _CAUSE))
    said = signals_of_number(subject, asked_at_ms, quality=quality, status=status, name_status=name_status)
    return Reading(tuple(changes), (*said, *_health(node, subject, asked_at_ms)))


def account_reading(node: Mapping[str, Any], subject: Subject, asked_at_ms: int) -> Reading:
    """A WABA's node: its review, the verification of the business, and the health of whatever it depends on."""
    review = _word(node.get("account_review_status"))
    words = {
        "review": _known(Review, review),
        "verification": _known(Verification, (_word(node.get("business_verification_status")) or "").lower()),
    }
    values = {field: word.value for field, word in words.items() if word is not None}
    change = Change("account", subject.waba or "", values, "graph", asked_at_ms, _CAUSE)
    said = signals_of_account(subject, asked_at_ms, review=review)
    return Reading((change,) if values else (), (*said, *_health(node, subject, asked_at_ms)))


def template_reading(node: Mapping[str, Any], subject: Subject, asked_at_ms: int) -> Reading:
    """One of an account's templates; nothing for one without a name and a language, which could not be sent either."""
    name, language = node.get("name"), node.get("language")
    if not isinstance(name, str) or not isinstance(language, str):
        return Reading()
    category = read_category(node.get("category"))
    status = _known(TemplateStatus, node.get("status"))
    quality = _known(Quality, _object(node.get("quality_score")).get("score"))
    values = {
        field: word.value
        for field, word in (("category", category), ("status", status), ("quality", quality))
        if word is not None
    }
    change = Change("template", f"{subject.waba}:{language}:{name}", values, "graph", asked_at_ms, _CAUSE)
    of_template = replace(subject, template=(name, language), category=category)
    said = signals_of_template(of_template, asked_at_ms, status=status, quality=quality)
    return Reading((change,) if values else (), (*said, *_health(node, of_template, asked_at_ms)))


def _health(node: Mapping[str, Any], subject: Subject, asked_at_ms: int) -> Iterator[Signal]:
    """Each entity of `health_status`, about its own subject; of several businesses or apps the worst speaks."""
    worst: dict[str, str] = {}
    entities = _object(node.get("health_status")).get("entities")
    for entity in entities if isinstance(entities, list) else []:
        told = _object(entity)
        kind, can_send = _word(told.get("entity_type")), _word(told.get("can_send_message"))
        if kind is None or can_send not in AVAILABILITIES or not _is_ours(kind, _id(told), node, subject):
            continue
        worst[kind] = max(worst.get(kind, can_send), can_send, key=AVAILABILITIES.index)
    for kind, can_send in worst.items():
        yield from signals_of_account(_subject(kind, subject), asked_at_ms, health={kind: can_send})


def _is_ours(kind: str, entity_id: str | None, node: Mapping[str, Any], subject: Subject) -> bool:
    """Whether an entity is one that the subject names; the ids of business and app are not known here."""
    match kind:
        case "PHONE_NUMBER":
            return entity_id is not None and entity_id == subject.number
        case "WABA":
            return entity_id is not None and entity_id == subject.waba
        case "MESSAGE_TEMPLATE":
            return subject.template is not None and entity_id is not None and entity_id == _id(node)
        case _:
            return True


def _subject(kind: str, subject: Subject) -> Subject:
    match kind:
        case "PHONE_NUMBER":
            return Subject(subject.portfolio, subject.waba, subject.number)
        case "MESSAGE_TEMPLATE":
            return replace(subject, number=None)
        case _:
            return Subject(subject.portfolio, subject.waba)


def _quality(given: object) -> Quality | None:
    return Quality.UNKNOWN if given == "NA" else _known(Quality, given)


def _known(words: type[_Words], given: object) -> _Words | None:
    return next((word for word in words if word.value == given), None)


def _word(given: object) -> str | None:
    return given if isinstance(given, str) and given else None


def _id(node: Mapping[str, Any]) -> str | None:
    """An id, which some of Meta's pages show as a number."""
    given = node.get("id")
    return str(given) if isinstance(given, str | int) and not isinstance(given, bool) else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
