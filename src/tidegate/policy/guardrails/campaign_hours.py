"""A campaign may keep quiet hours of its own, beside those of the rules: whichever is stricter counts."""

from tidegate.policy.facts import Case
from tidegate.policy.night import NO_COMMON_DAY, night_begins_ms, night_ends_ms
from tidegate.policy.standing import Standing
from tidegate.policy.users import User
from tidegate.policy.verdict import Objection, Reason
from tidegate.policy.zones import zones_of


def campaign_hours(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects while it is within the campaign's own quiet hours where the user is, or may be.

    It has to be day in all zones of their number; of whom no zone is known nothing is judged.
    """
    night = _night(case, standing)
    if night is None:
        return None
    ends_ms = night_ends_ms(zones_of(user.zone, case.zones), now_ms, *night)
    if ends_ms is None:
        return None
    if ends_ms == NO_COMMON_DAY:
        detail = "the campaign's quiet hours leave no time that is day in every zone that this user may be in"
        return Objection(Reason.QUIET_HOURS, detail)
    detail = "it is within the campaign's quiet hours where this user is, or may be"
    return Objection(Reason.QUIET_HOURS, detail, until_ms=ends_ms)


def campaign_hours_from_ms(case: Case, standing: Standing, user: User, now_ms: int) -> int | None:
    """When the campaign's next quiet hours begin for this user; None where it keeps none, or no zone is known."""
    night = _night(case, standing)
    return None if night is None else night_begins_ms(zones_of(user.zone, case.zones), now_ms, *night)


def _night(case: Case, standing: Standing) -> tuple[int, int] | None:
    campaign = standing.campaign_of(case.campaign, case.app)
    return campaign.night if campaign is not None else None
