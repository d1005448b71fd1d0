"""Whether a send is held by the recipient's night alone, asked before it is anywhere: as the guardrails would say."""

from __future__ import annotations

from tidegate.policy.facts import Case
from tidegate.policy.guardrails.campaign_hours import campaign_hours
from tidegate.policy.guardrails.quiet_hours import quiet_hours
from tidegate.policy.night import HORIZON_MS
from tidegate.policy.rules import Mode
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY


def asleep_until_ms(case: Case, standing: Standing, now_ms: int) -> int | None:
    """When the night ends for whoever `case` is to, by the rules' quiet hours and its campaign's; None: it is day.

    By the zones of the case, as long as nothing else is known of the user. Where a night has no end in sight it is
    asked again after HORIZON_MS.
    """
    rule = standing.rules.quiet_hours
    said = [campaign_hours(case, standing, EMPTY, now_ms)]
    if rule is not None and rule.mode is Mode.ENFORCE:
        said.append(quiet_hours(case, standing, EMPTY, now_ms))
    nights = [objection for objection in said if objection is not None]
    return max((now_ms + HORIZON_MS if o.until_ms is None else o.until_ms for o in nights), default=None)
