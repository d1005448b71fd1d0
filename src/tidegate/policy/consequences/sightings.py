"""Signals, read from what we see ourselves: answers to sends, reads from Graph, our own watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tidegate.cloudapi.vocabulary import NumberStatus, Quality, TemplateStatus
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.consequences.vocabulary import (
    AVAILABILITIES,
    HEALTH_ENTITIES,
    LEVELS,
    METRICS,
    NAME_DECISIONS,
    REVIEWS,
    WATCHED,
    error_name,
    word,
)
from tidegate.policy.reach import Subject


def signal_of_error(
    code: int,
    subject: Subject,
    at_ms: int,
    *,
    in_status: bool = False,
    source: Source | None = None,
    until_ms: int | None = None,
) -> Signal:
    """An error of Meta's. `source`: an answer, or with `in_status` a status, unless told otherwise.

    `until_ms`: the end that came with it, as in the `estimated_time_to_regain_access` of a rate header.
    """
    said_by = source or (Source.STATUS if in_status else Source.ANSWER)
    return Signal(error_name(code, in_status=in_status), subject, at_ms, said_by, until_ms)


def signal_of_acceptance(message_status: str, subject: Subject, at_ms: int) -> Signal | None:
    """What the `message_status` of an accepted message signals; None when it is only accepted.

    Source: Meta, Message API reference and "Template pacing".
    """
    match message_status:
        case "held_for_quality_assessment":
            return Signal("template.held", subject, at_ms, Source.ANSWER)
        case "paused":
            return Signal("template.status.PAUSED", subject, at_ms, Source.ANSWER)
        case _:
            return None


def signals_of_number(
    subject: Subject,
    read_at_ms: int,
    *,
    quality: Quality | None = None,
    status: NumberStatus | None = None,
    name_status: str | None = None,
) -> tuple[Signal, ...]:
    """What a phone number node says; `read_at_ms` is when it was asked for. Source: Meta, phone number node."""
    names = [f"number.quality.{quality.value}"] if quality else []
    names += [f"number.status.{status.value}"] if status else []
    names += [f"number.name.{word(name_status, NAME_DECISIONS)}"] if name_status else []
    return _read(names, subject, read_at_ms)


def signals_of_template(
    subject: Subject,
    read_at_ms: int,
    *,
    status: TemplateStatus | None = None,
    quality: Quality | None = None,
) -> tuple[Signal, ...]:
    """What a template node says; `subject` names the template. Source: Meta, message_templates edge."""
    names = [f"template.status.{status.value}"] if status else []
    names += [f"template.quality.{quality.value}"] if quality else []
    return _read(names, subject, read_at_ms)


def signals_of_account(
    subject: Subject,
    read_at_ms: int,
    *,
    review: str | None = None,
    health: Mapping[str, str] | None = None,
) -> tuple[Signal, ...]:
    """What a WABA's node says: `account_review_status`, and `can_send_message` by entity type of `health_status`.

    An entity or a word that is not known says nothing. An entity of a type that there are several of (numbers,
    templates) belongs into a call of its own, with its own subject. Source: Meta, "Health status".
    """
    names = [f"account.review.{word(review, REVIEWS)}"] if review else []
    for entity, can_send in (health or {}).items():
        if entity in HEALTH_ENTITIES and can_send in AVAILABILITIES:
            names.append(f"health.{entity}.{can_send}")
    return _read(names, subject, read_at_ms)


def token_accepted(subject: Subject, asked_at_ms: int) -> Signal:
    """Graph answered a call that this WABA's token was sent with: it took the token."""
    return Signal("token.accepted", replace(subject, template=None), asked_at_ms, Source.GRAPH)


def signal_of_warning(watched: str, metric: str, level: str, subject: Subject, at_ms: int) -> Signal:
    """What early warning found; raises ValueError for words that it does not have."""
    if watched not in WATCHED or metric not in METRICS or level not in LEVELS:
        raise ValueError(f"early warning knows no {watched}.{metric}.{level}")
    return Signal(f"warning.{watched}.{metric}.{level}", subject, at_ms, Source.WARNING)


def _read(names: list[str], subject: Subject, read_at_ms: int) -> tuple[Signal, ...]:
    return tuple(Signal(name, subject, read_at_ms, Source.GRAPH) for name in names)
