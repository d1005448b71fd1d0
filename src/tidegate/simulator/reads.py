"""What Graph reads of accounts, numbers and templates show.

Fields and values: Meta, reference of the phone number, account and template nodes; health status page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.simulator.answers import Answer, bad_token, unknown_field
from tidegate.simulator.estate import Estate, Number, Portfolio, Template, Waba, tier_name
from tidegate.simulator.paging import paged

Json = dict[str, Any]

#: The app that every token here belongs to.
APP_ID: Final = "634974688087057"

_NUMBER_DEFAULTS: Final = ("id", "display_phone_number", "verified_name", "quality_rating")
_WABA_DEFAULTS: Final = ("id", "name", "currency", "timezone_id", "message_template_namespace")
_TEMPLATE_DEFAULTS: Final = ("name", "parameter_format", "components", "language", "status", "category", "id")

#: Fields of the template node that no imitated template has a value for: Graph leaves such fields out.
_TEMPLATE_UNSET: Final = (
    "cta_url_link_tracking_opted_out",
    "degrees_of_freedom_spec",
    "library_template_name",
    "message_send_ttl_seconds",
    "sub_category",
)


def asked_fields(query: Mapping[str, str], defaults: Sequence[str]) -> list[str]:
    """Read `fields=a,b{c},d.limit(2)`: the names asked for, `id` always among them."""
    plain = re.sub(r"\{[^}]*\}|\.[a-z_]+\([^)]*\)", "", query.get("fields", ""))
    names = [name.strip() for name in plain.split(",") if name.strip()]
    return [*names, "id"] if names else list(defaults)


def select(whole: Json, query: Mapping[str, str], defaults: Sequence[str], node: str) -> Answer:
    """Cut an object to the fields asked for; None is left out, a field that it does not have is an error."""
    names = asked_fields(query, defaults)
    for name in names:
        if name not in whole:
            return unknown_field(name, node)
    return Answer(200, {name: whole[name] for name in names if whole[name] is not None})


def pretty_number(digits: str) -> str:
    """Spell a phone number as WhatsApp Manager does, `+1 555-078-3881`; other countries get a plus only."""
    if re.fullmatch("1[0-9]{10}", digits):
        return f"+1 {digits[1:4]}-{digits[4:7]}-{digits[7:]}"
    return f"+{digits}"


def _health(entities: Sequence[Json], portfolio: Portfolio) -> Json:
    """Build the health status: all that a message depends on, and the worst of it."""
    business = _entity("BUSINESS", portfolio.business_id)
    told = [*entities, business, _entity("APP", APP_ID)]
    standings = {entity["can_send_message"] for entity in told}
    worst = next(standing for standing in ("BLOCKED", "LIMITED", "AVAILABLE") if standing in standings)
    return {"can_send_message": worst, "entities": told}


def _entity(
    kind: str, entity_id: str, *, blocked: tuple[int, str, str] | None = None, limited: str | None = None
) -> Json:
    """Build one entity; `blocked`: code, description and way out; `limited`: what is to be known of it."""
    standing = "BLOCKED" if blocked else "LIMITED" if limited else "AVAILABLE"
    entity: Json = {"entity_type": kind, "id": entity_id, "can_send_message": standing}
    if blocked:
        code, description, solution = blocked
        entity["errors"] = [{"error_code": code, "error_description": description, "possible_solution": solution}]
    elif limited:
        entity["additional_info"] = [limited]
    return entity


def _waba_entity(waba: Waba, now_ms: int) -> Json:
    blocked = limited = None
    if waba.review == "REJECTED":
        blocked = 141000, "The account was rejected in review.", "Appeal the decision."
    elif now_ms < waba.all_barred_until_ms:
        blocked = 141000, "The account was restricted for violating a policy.", "Wait, or appeal the decision."
    elif now_ms < waba.templates_barred_until_ms:
        limited = "The account may not initiate conversations for violating a policy."
    return _entity("WABA", waba.id, blocked=blocked, limited=limited)


def _number_entity(number: Number, now_ms: int) -> Json:
    blocked = limited = None
    if number.status not in {"CONNECTED", "FLAGGED", "RESTRICTED"}:
        blocked = 141000, "The phone number cannot send messages.", "Register the phone number."
    elif now_ms < number.spam_until_ms or number.status == "RESTRICTED":
        limited = "The number of messages that this phone number may send is restricted."
    elif number.name_status not in {"APPROVED", "AVAILABLE_WITHOUT_REVIEW"}:
        limited = "Your display name has not been approved yet."
    return _entity("PHONE_NUMBER", number.id, blocked=blocked, limited=limited)


def _template_entity(template: Template) -> Json:
    rejected = 141002, "Message templates can only be sent out if they are approved.", "Edit or appeal it."
    return _entity("MESSAGE_TEMPLATE", template.id, blocked=None if template.sendable else rejected)


def _number_fields(estate: Estate, number: Number, now_ms: int) -> Json:
    portfolio, waba = estate.portfolio_of(number), estate.wabas[number.waba_id]
    tier = tier_name(portfolio.places.limit)
    entities = [_number_entity(number, now_ms), _waba_entity(waba, now_ms)]
    return {
        "id": number.id,
        "display_phone_number": pretty_number(number.display_phone_number),
        "verified_name": number.verified_name,
        "quality_rating": number.quality,
        "quality_score": {"score": number.quality, "date": now_ms // 1_000},
        "status": number.status,
        "name_status": number.name_status,
        "code_verification_status": "VERIFIED",
        "account_mode": "LIVE",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "HIGH" if number.throughput >= 1_000 else "STANDARD"},
        "whatsapp_business_manager_messaging_limit": tier,
        "messaging_limit_tier": tier,
        "is_official_business_account": False,
        "is_on_biz_app": False,
        "webhook_configuration": {},
        "health_status": _health(entities, portfolio),
    }


def number_read(estate: Estate, number: Number, query: Mapping[str, str], now_ms: int) -> Answer:
    """Read a phone number node."""
    whole = _number_fields(estate, number, now_ms)
    return select(whole, query, _NUMBER_DEFAULTS, "WhatsAppBusinessPhoneNumber")


def waba_read(estate: Estate, waba: Waba, query: Mapping[str, str], now_ms: int) -> Answer:
    """Read a WhatsApp Business Account node."""
    portfolio = estate.portfolios[waba.portfolio_id]
    whole: Json = {
        "id": waba.id,
        "name": waba.name,
        "currency": "USD",
        "timezone_id": "1",
        "message_template_namespace": "00000000_0000_0000_0000_000000000000",
        "country": "US",
        "status": "ACTIVE",
        "account_review_status": waba.review,
        "business_verification_status": waba.verification,
        "ownership_type": "SELF",
        "whatsapp_business_manager_messaging_limit": tier_name(portfolio.places.limit),
        "health_status": _health([_waba_entity(waba, now_ms)], portfolio),
    }
    return select(whole, query, _WABA_DEFAULTS, "WhatsAppBusinessAccount")


def portfolio_read(portfolio: Portfolio, query: Mapping[str, str]) -> Answer:
    """Read a business portfolio node."""
    whole = {
        "id": portfolio.id,
        "whatsapp_business_manager_messaging_limit": tier_name(portfolio.places.limit),
    }
    return select(whole, query, ("id",), "Business")


def _template_fields(estate: Estate, template: Template, now_ms: int) -> Json:
    waba = estate.wabas[template.waba_id]
    entities = [_template_entity(template), _waba_entity(waba, now_ms)]
    health = _health(entities, estate.portfolios[waba.portfolio_id])
    return {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": "APPROVED" if template.status == "REINSTATED" else template.status,
        "quality_score": {"score": template.quality, "date": template.status_since_ms // 1_000},
        "parameter_format": template.parameter_format,
        "components": [{"type": "BODY", "text": f"Text of {template.name}"}],
        "correct_category": template.category,
        "previous_category": template.category,
        "rejected_reason": "NONE",
        "health_status": health,
        **dict.fromkeys(_TEMPLATE_UNSET),
    }


def token_read(estate: Estate, token: str, query: Mapping[str, str]) -> Answer:
    """Describe a token to whoever holds a good one. Source: Meta, "Debug-Token". Tokens here do not end."""
    good = {waba.access_token for waba in estate.wabas.values()}
    if token not in good:
        return bad_token()
    if query.get("input_token", "") not in good:
        return Answer(200, {"data": {"is_valid": False, "scopes": [], "error": {"code": 190}}})
    scopes = ["whatsapp_business_management", "whatsapp_business_messaging"]
    data = {"app_id": APP_ID, "type": "SYSTEM_USER", "expires_at": 0, "is_valid": True, "scopes": scopes}
    return Answer(200, {"data": data | {"data_access_expires_at": 0}})


def template_read(estate: Estate, template: Template, query: Mapping[str, str], now_ms: int) -> Answer:
    """Read a template node."""
    return select(_template_fields(estate, template, now_ms), query, _TEMPLATE_DEFAULTS, "WhatsAppMessageTemplate")


def template_list(estate: Estate, waba: Waba, query: Mapping[str, str], url: str, now_ms: int) -> Answer:
    """List an account's templates by name, status, category, language; `url` is the one called."""
    filters = {name: query[name].casefold() for name in ("name", "status", "category", "language") if name in query}
    rows: list[Json] = []
    for template in waba.templates.values():
        whole = _template_fields(estate, template, now_ms)
        if all(whole[name].casefold() == wanted for name, wanted in filters.items()):
            row = select(whole, query, _TEMPLATE_DEFAULTS, "WhatsAppMessageTemplate")
            if row.code is not None:
                return row
            rows.append(row.body)
    page = paged(rows, query, url)
    if page.code is None and "summary" in query:
        summary = {"total_count": len(rows), "message_template_count": len(waba.templates)}
        page.body["summary"] = summary | {"message_template_limit": 250, "are_translations_complete": True}
    return page


def number_list(estate: Estate, waba: Waba, query: Mapping[str, str], url: str, now_ms: int) -> Answer:
    """List an account's phone numbers; `url` is the one called."""
    rows = [
        number_read(estate, number, query, now_ms) for number in estate.numbers.values() if number.waba_id == waba.id
    ]
    refused = next((row for row in rows if row.code is not None), None)
    return refused or paged([row.body for row in rows], query, url)
