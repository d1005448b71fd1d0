"""Stopped by hand: a number, a template, a category, a campaign or the whole portfolio."""

from tidegate.policy.facts import Case
from tidegate.policy.standing import Pause, Standing
from tidegate.policy.verdict import Objection, Reason


def operator_pause(case: Case, standing: Standing, now_ms: int) -> Objection | None:
    """Objects within the scope of a pause, of a number or portfolio to replies too; that which lasts longest speaks."""
    in_force = [
        p for p in standing.pauses if (p.until_ms is None or p.until_ms > now_ms) and _covers(p, case, standing)
    ]
    if not in_force:
        return None
    longest = max(in_force, key=lambda pause: (pause.until_ms is None, pause.until_ms or 0))
    detail = f"{longest.scope} {longest.value} is paused by hand: {longest.reason}"
    return Objection(Reason.PAUSED_BY_OPERATOR, detail, until_ms=longest.until_ms)


def _covers(pause: Pause, case: Case, standing: Standing) -> bool:
    match pause.scope:
        case "portfolio":
            return pause.value == case.portfolio
        case "number":
            return pause.value == case.number
        case "template":
            return case.template is not None and pause.value == case.template[0]
        case "category":
            return case.category is not None and pause.value == case.category.value
        case "campaign":
            # What is no campaign here is a word of the app's own, and means what it says.
            is_anothers = pause.value in standing.campaigns and standing.campaign_of(pause.value, case.app) is None
            return pause.value == case.campaign and not is_anothers
        case _:
            return False
