"""Marketing reaches one user no more often than the operator wants."""

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.frequency import next_allowed_ms
from tidegate.policy.standing import Standing
from tidegate.policy.users import User
from tidegate.policy.verdict import Objection, Reason


def frequency_cap(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects to one marketing message too many in a moving day or week (`rules.frequency_cap`); ours, not Meta's."""
    rule = standing.rules.frequency_cap
    if rule is None or case.category is not Category.MARKETING or case.to_group:
        return None
    allowed_ms = next_allowed_ms(user.marketing_sent_at_ms, rule.cap, now_ms)
    if allowed_ms is None:
        return None
    caps = ((rule.per_day, "24 hours"), (rule.per_week, "7 days"))
    told = " and ".join(f"{most} in {span}" for most, span in caps if most is not None)
    return Objection(Reason.FREQUENCY_CAP, f"a user gets at most {told} of marketing messages", until_ms=allowed_ms)
