"""What of Graph's reaches past the app that asks: where an account's webhooks go, and what all its numbers stand on.

Sources: Meta, "Manage webhooks" (subscribed apps, overrides for an account and for a number), "Registration",
"Two-step verification", "Local storage", "Business encryption", "WhatsApp Business Account" (users, numbers,
templates, payment configurations, the intents to move an account to another solution).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.grants import Held
from tidegate.edge.graph_paths import Target
from tidegate.settings.tables import App, Scope

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Changes(StrEnum):
    """What a write changes, as it is told to whoever may not."""

    WEBHOOKS = "this can change where Meta's webhooks go, by which the gateway learns whom it may write to"
    NUMBER = "this changes how the number stands with Meta, for every app that uses it"
    ACCOUNT = "this changes the account, for every app with a number of it"
    TEMPLATES = "this changes or deletes what every number of the account sends or uses"


#: Edges of a number or of an account that a write takes more for than the scope send. "": the number or account
#: itself, whose fields hold the address of its webhooks (`webhook_configuration`) and its pin.
TABLE: Final[Mapping[str, Changes]] = {
    "": Changes.WEBHOOKS,
    "subscribed_apps": Changes.WEBHOOKS,
    "register": Changes.NUMBER,
    "deregister": Changes.NUMBER,
    "request_code": Changes.NUMBER,
    "verify_code": Changes.NUMBER,
    "settings": Changes.NUMBER,
    "username": Changes.NUMBER,
    "whatsapp_business_encryption": Changes.NUMBER,
    "assigned_users": Changes.ACCOUNT,
    "phone_numbers": Changes.ACCOUNT,
    "product_catalogs": Changes.ACCOUNT,
    "obo_mobility_intent": Changes.ACCOUNT,
    "set_obo_mobility_intent": Changes.ACCOUNT,
    "set_solution_migration_intent": Changes.ACCOUNT,
    "payment_configuration": Changes.ACCOUNT,
    "payment_configurations": Changes.ACCOUNT,
    "generate_payment_configuration_oauth_link": Changes.ACCOUNT,
    "migrate_flows": Changes.TEMPLATES,
    "migrate_message_templates": Changes.TEMPLATES,
    "upsert_message_templates": Changes.TEMPLATES,
}
#: Making a template takes nothing from anybody.
_DELETED: Final[Mapping[str, Changes]] = {**TABLE, "message_templates": Changes.TEMPLATES}


def require_reach(app: App, method: str, target: Target, held: Held) -> None:
    """Raises Denial (forbidden) for a write that changes more than the app may; `held`: what of the object it has.

    What is of a number takes the scope admin. What is of an account takes an app that may use all its numbers, and
    the scope admin unless it is about templates.
    """
    changes = None if method in _READING or held is Held.UNKNOWN else _changes(method, target)
    if changes is None:
        return
    missing = []
    if Scope.ADMIN not in app.scopes and changes is not Changes.TEMPLATES:
        missing.append(f"the scope {Scope.ADMIN}")
    if held is Held.PART_OF_ACCOUNT:
        missing.append("an app that may use every number of the account")
    if missing:
        raise Denial(Kind.FORBIDDEN, f"{changes}: it takes {' and '.join(missing)}")


def _changes(method: str, target: Target) -> Changes | None:
    table = _DELETED if method == "DELETE" else TABLE
    # Graph does not tell capitals apart in the names of edges.
    edges = [edge.lower() for edge in target.edges] or [""]
    return next((table[edge] for edge in edges if edge in table), None)
