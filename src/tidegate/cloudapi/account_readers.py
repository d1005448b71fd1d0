"""Readers of the webhook fields that speak of templates, numbers and accounts.

Source: Meta, webhooks `message_template_status_update`, `message_template_quality_update`,
`template_category_update`, `phone_number_quality_update`, `business_capability_update`, `account_update`,
`account_alerts`, `account_review_update`, `phone_number_name_update` and `security`.
"""

from .events import (
    AccountAlert,
    AccountReview,
    AccountUpdate,
    Event,
    LimitUpdate,
    NumberEvent,
    NumberNameUpdate,
    NumberQualityUpdate,
    Restriction,
    SecurityUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
    Unrecognised,
)
from .recipients import canonical_phone
from .vocabulary import TemplateStatus, read_category, read_limit, read_quality
from .wire import (
    Change,
    Unreadable,
    read_id,
    read_object,
    read_text,
    read_time_ms,
    read_word,
    required,
)


def read_template_status(change: Change) -> list[Event]:
    event = change.value.get("event")
    if event not in tuple(TemplateStatus):
        raise Unreadable
    template_id, name, language = _template(change)
    reason = read_word(change.value.get("reason"))
    return [
        TemplateStatusUpdate(
            waba_id=change.waba_id,
            template_id=template_id,
            name=name,
            language=language,
            event=TemplateStatus(event),
            reason=None if reason == "NONE" else reason,
            title=read_word(read_object(change.value.get("other_info")).get("title")),
            category=read_category(change.value.get("message_template_category")),
            at_ms=change.at_ms,
        )
    ]


def read_template_quality(change: Change) -> list[Event]:
    template_id, name, language = _template(change)
    return [
        TemplateQualityUpdate(
            waba_id=change.waba_id,
            template_id=template_id,
            name=name,
            language=language,
            previous=read_quality(change.value.get("previous_quality_score")),
            quality=read_quality(required(read_word(change.value.get("new_quality_score")))),
            at_ms=change.at_ms,
        )
    ]


def read_template_category(change: Change) -> list[Event]:
    """A change that is to come has `correct_category`; its `new_category` is then the one still in force."""
    template_id, name, language = _template(change)
    return [
        TemplateCategoryUpdate(
            waba_id=change.waba_id,
            template_id=template_id,
            name=name,
            language=language,
            category=required(read_category(change.value.get("new_category"))),
            previous=read_category(change.value.get("previous_category")),
            upcoming=read_category(change.value.get("correct_category")),
            upcoming_at_ms=read_time_ms(change.value.get("category_update_timestamp")),
            at_ms=change.at_ms,
        )
    ]


def _template(change: Change) -> tuple[str, str, str]:
    """Id, name and language of the template that a change speaks of."""
    return (
        required(read_id(change.value.get("message_template_id"))),
        required(read_text(change.value.get("message_template_name"))),
        required(read_text(change.value.get("message_template_language"))),
    )


def _display_number(change: Change) -> str | None:
    """The business number that a change speaks of; Meta spells it with and without separators."""
    return canonical_phone(read_text(change.value.get("display_phone_number")) or "")


def read_number_quality(change: Change) -> list[Event]:
    event = change.value.get("event")
    if event not in tuple(NumberEvent):
        raise Unreadable
    limit = read_limit(change.value.get("max_daily_conversations_per_business"))
    return [
        NumberQualityUpdate(
            waba_id=change.waba_id,
            display_phone_number=_display_number(change),
            event=NumberEvent(event),
            limit=limit or read_limit(change.value.get("current_limit")),  # no limit is 0
            old_limit=read_limit(change.value.get("old_limit")),
            at_ms=change.at_ms,
        )
    ]


def read_capability(change: Change) -> list[Event]:
    limit = read_limit(change.value.get("max_daily_conversations_per_business"))
    limit = limit or read_limit(change.value.get("max_daily_conversation_per_phone"))  # the older key
    return [LimitUpdate(change.waba_id, required(limit), change.at_ms)]


def read_account(change: Change) -> list[Event]:
    """The update with the restrictions that can be read, and one `Unrecognised` for each that cannot.

    Losing one of them must not lose the others: they are what stops an account's sends.
    """
    ban = read_object(change.value.get("ban_info"))
    parts = change.value.get("restriction_info") or []
    restrictions = [_read_restriction(part) for part in (parts if isinstance(parts, list) else [parts])]
    update = AccountUpdate(
        waba_id=change.waba_id,
        event=required(read_word(change.value.get("event"))),
        ban_state=read_word(ban.get("waba_ban_state")),
        ban_date=read_text(ban.get("waba_ban_date")),
        violation=read_word(read_object(change.value.get("violation_info")).get("violation_type")),
        restrictions=tuple(restriction for restriction in restrictions if restriction is not None),
        at_ms=change.at_ms,
    )
    return [update, *[Unrecognised(change.field, change.waba_id)] * restrictions.count(None)]


def _read_restriction(part: object) -> Restriction | None:
    fields = read_object(part)
    type_ = read_word(fields.get("restriction_type"))
    return Restriction(type_, read_time_ms(fields.get("expiration"))) if type_ is not None else None


def read_account_alert(change: Change) -> list[Event]:
    # Some versions nest what the alert says in alert_info, some do not.
    info = read_object(change.value.get("alert_info")) or change.value
    return [
        AccountAlert(
            waba_id=change.waba_id,
            entity_type=read_word(change.value.get("entity_type")),
            entity_id=read_id(change.value.get("entity_id")),
            severity=read_word(info.get("alert_severity")),
            status=read_word(info.get("alert_status")),
            type=required(read_word(info.get("alert_type"))),
            description=read_text(info.get("alert_description")),
            at_ms=change.at_ms,
        )
    ]


def read_account_review(change: Change) -> list[Event]:
    return [AccountReview(change.waba_id, required(read_word(change.value.get("decision"))), change.at_ms)]


def read_number_name(change: Change) -> list[Event]:
    return [
        NumberNameUpdate(
            waba_id=change.waba_id,
            display_phone_number=_display_number(change),
            decision=required(read_word(change.value.get("decision"))),
            requested_name=read_text(change.value.get("requested_verified_name")),
            rejection_reason=read_text(change.value.get("rejection_reason")),
            at_ms=change.at_ms,
        )
    ]


def read_security(change: Change) -> list[Event]:
    return [
        SecurityUpdate(
            waba_id=change.waba_id,
            display_phone_number=_display_number(change),
            event=required(read_word(change.value.get("event"))),
            requester=read_text(change.value.get("requester")),
            at_ms=change.at_ms,
        )
    ]
