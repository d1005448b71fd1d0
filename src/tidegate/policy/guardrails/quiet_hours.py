"""Nobody is rung out of bed."""

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.night import NO_COMMON_DAY, night_begins_ms, night_ends_ms
from tidegate.policy.rules import Mode, QuietHours, Rules
from tidegate.policy.standing import Standing
from tidegate.policy.users import User
from tidegate.policy.verdict import Objection, Reason
from tidegate.policy.zones import zones_of


def quiet_hours(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects while it is night where the user is, or may be: it has to be day in all zones of their number.

    Authentication is exempt always, and replies are what the user has asked for. Of whom no zone is known nothing is
    judged.
    """
    rule = standing.rules.quiet_hours
    if rule is None or not _covers(rule, case):
        return None
    ends_ms = night_ends_ms(zones_of(user.zone, case.zones), now_ms, rule.from_minute, rule.to_minute)
    if ends_ms is None:
        return None
    if ends_ms == NO_COMMON_DAY:
        detail = "the quiet hours leave no time that is day in every zone that this user may be in"
        return Objection(Reason.QUIET_HOURS, detail)
    return Objection(Reason.QUIET_HOURS, "it is night where this user is, or may be", until_ms=ends_ms)


def quiet_from_ms(case: Case, user: User, rules: Rules, now_ms: int) -> int | None:
    """When the next night begins that holds this send: a decision to send has to be made anew from then on.

    `now_ms` when it is night. None where no night holds it.
    """
    rule = rules.quiet_hours
    if rule is None or rule.mode is not Mode.ENFORCE or not _covers(rule, case):
        return None
    return night_begins_ms(zones_of(user.zone, case.zones), now_ms, rule.from_minute, rule.to_minute)


def _covers(rule: QuietHours, case: Case) -> bool:
    return case.category in rule.categories and case.category is not Category.AUTHENTICATION
