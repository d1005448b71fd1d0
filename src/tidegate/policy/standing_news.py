"""What webhooks change in the standing: limits, throughput, templates, reviews of accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidegate.cloudapi.events import (
    AccountReview,
    Event,
    LimitUpdate,
    NumberEvent,
    NumberQualityUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from tidegate.cloudapi.vocabulary import UNLIMITED, Quality, Review, TemplateStatus
from tidegate.policy.standing import Change, Standing

#: Throughput of an upgraded number (Meta, "Throughput").
HIGH_THROUGHPUT: Final = 1_000


def changes_of(event: Event, standing: Standing, number: str | None, now_ms: int) -> list[Change]:
    """The facts that an event changes; `number`: the id of the number that it names by its display number."""
    match event:
        case LimitUpdate(_, limit, at_ms):
            return [_limit_change(limit, standing, at_ms or now_ms, "business_capability_update")]
        case TemplateStatusUpdate():
            return [_template_status_change(event, now_ms)]
        case TemplateQualityUpdate(quality=quality):
            worse = quality is Quality.RED
            return [_template_change(event, {"quality": quality.value}, now_ms, "quality", tightens=worse)]
        case TemplateCategoryUpdate(category=category):
            return [_template_change(event, {"category": category.value}, now_ms, "category", tightens=True)]
        case NumberQualityUpdate():
            return _number_changes(event, standing, number, now_ms)
        case AccountReview(decision=decision) if decision in tuple(Review):
            # What it stops follows from the signal.
            cause, at_ms = "account_review_update", event.at_ms or now_ms
            return [Change("account", event.waba_id, {"review": decision}, "webhook", at_ms, cause)]
        case _:
            return []


def _number_changes(event: NumberQualityUpdate, standing: Standing, number: str | None, now_ms: int) -> list[Change]:
    cause, at_ms = f"phone_number_quality_update {event.event.value}", event.at_ms or now_ms
    if event.event is NumberEvent.THROUGHPUT_UPGRADE and number:
        return [Change("number", number, {"throughput": HIGH_THROUGHPUT}, "webhook", at_ms, cause)]
    if event.event in (NumberEvent.UPGRADE, NumberEvent.DOWNGRADE) and event.limit is not None:
        return [_limit_change(event.limit, standing, at_ms, cause)]
    return []


def _limit_change(limit: int, standing: Standing, at_ms: int, cause: str) -> Change:
    lower = limit != UNLIMITED and (standing.limit == UNLIMITED or limit < standing.limit)
    return Change("limit", "", {"limit": limit}, "webhook", at_ms, cause, tightens=lower)


def _template_status_change(event: TemplateStatusUpdate, now_ms: int) -> Change:
    sendable = event.event.sendable
    status = TemplateStatus.APPROVED if sendable else event.event
    values: dict[str, str] = {"status": status.value, "template_id": event.template_id}
    if event.category is not None:
        values["category"] = event.category.value
    return _template_change(event, values, now_ms, event.event.value, tightens=not sendable)


def _template_change(
    event: TemplateStatusUpdate | TemplateQualityUpdate | TemplateCategoryUpdate,
    values: Mapping[str, str],
    now_ms: int,
    cause: str,
    *,
    tightens: bool,
) -> Change:
    key = f"{event.waba_id}:{event.language}:{event.name}"
    return Change("template", key, dict(values), "webhook", event.at_ms or now_ms, f"template {cause}", tightens)
