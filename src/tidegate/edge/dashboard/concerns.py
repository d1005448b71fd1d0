"""What a breaker, a pause or a change is about: which numbers, which templates."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.store.standing_history import StandingEvent


def is_about_number(scope: Mapping[str, str], number: Mapping[str, object]) -> bool:
    """Whether what has this scope stops or slows sends of a number, as `GET /standing` tells of both."""
    ((kind, value),) = scope.items()
    match kind:
        case "number":
            return value == number["id"]
        case "category":
            # A breaker's is of one number (`number:category`), a pause's of all.
            return ":" not in value or value.partition(":")[0] == number["id"]
        case "waba" | "token":
            return value == number["waba"]
        case "portfolio":
            return value == number["portfolio"]
        case _:
            return False


def is_about_template(scope: Mapping[str, str], template: Mapping[str, object]) -> bool:
    """Whether what has this scope is about one template: a breaker in one language, a pause in all."""
    full = f"{template['waba']}:{template['language']}:{template['name']}"
    return scope.get("template") in (template["name"], full)


def is_change_of_number(portfolio: str, change: StandingEvent, number: Mapping[str, object]) -> bool:
    """Whether a change belongs to a number's story: its own, its limit's, of what stopped it."""
    if portfolio != number["portfolio"]:
        return False
    match change.kind:
        case "number":
            return bool(change.key == number["id"])
        case "template":
            return bool(change.key.partition(":")[0] == number["waba"])
        case "limit":
            return True
        case "breaker":
            _, kind, value = (*change.key.split("/", 2), "", "")[:3]
            return is_about_number({kind: value}, number)
        case "pause":
            paused = change.after or change.before or {}
            return is_about_number({paused.get("scope", ""): paused.get("value", "")}, number)
        case _:
            return False
