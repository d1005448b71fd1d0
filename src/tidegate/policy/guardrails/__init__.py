"""The guardrails: each one small file, one pure function, one question; here in the order of explanation."""

from collections.abc import Callable

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.guardrails.account_restricted import account_restricted
from tidegate.policy.guardrails.app_grant import app_grant
from tidegate.policy.guardrails.breaker_pace import breaker_pace
from tidegate.policy.guardrails.budget import budget
from tidegate.policy.guardrails.campaign_halted import campaign_halted
from tidegate.policy.guardrails.campaign_hours import campaign_hours
from tidegate.policy.guardrails.category_reserve import category_reserve
from tidegate.policy.guardrails.consent import consent
from tidegate.policy.guardrails.frequency_cap import frequency_cap
from tidegate.policy.guardrails.limit_share import limit_share
from tidegate.policy.guardrails.messaging_limit import messaging_limit
from tidegate.policy.guardrails.number_standing import number_standing
from tidegate.policy.guardrails.operator_pause import operator_pause
from tidegate.policy.guardrails.opt_out import opt_out
from tidegate.policy.guardrails.pair_rate import pair_rate
from tidegate.policy.guardrails.quiet_hours import quiet_hours
from tidegate.policy.guardrails.recipient_hold import recipient_hold
from tidegate.policy.guardrails.recipient_suppressed import recipient_suppressed
from tidegate.policy.guardrails.service_window import service_window
from tidegate.policy.guardrails.template_health import template_health
from tidegate.policy.guardrails.throughput import throughput
from tidegate.policy.guardrails.user_marketing_limit import user_marketing_limit
from tidegate.policy.guardrails.warm_up import warm_up
from tidegate.policy.guardrails.whole_books import whole_books
from tidegate.policy.guardrails.whole_queue import whole_queue
from tidegate.policy.standing import Standing
from tidegate.policy.users import User
from tidegate.policy.verdict import Objection

StandingGuardrail = Callable[[Case, Standing, int], Objection | None]
CountedGuardrail = Callable[[Case, Terms, Facts], Objection | None]
UserGuardrail = Callable[[Case, Standing, User, int], Objection | None]

#: Asked before the store is: they look at the standing, in memory.
STANDING: tuple[StandingGuardrail, ...] = (
    operator_pause,
    campaign_halted,
    app_grant,
    account_restricted,
    number_standing,
    template_health,
    whole_queue,
)

#: Asked before the store is, or again with what it says: they look at what is known of the recipient.
USER: tuple[UserGuardrail, ...] = (
    opt_out,
    consent,
    recipient_suppressed,
    user_marketing_limit,
    recipient_hold,
    frequency_cap,
    quiet_hours,
    campaign_hours,
)

#: Asked about what `admit` saw: they compare the numbers that it compared.
COUNTED: tuple[CountedGuardrail, ...] = (
    whole_books,
    service_window,
    messaging_limit,
    category_reserve,
    limit_share,
    warm_up,
    breaker_pace,
    pair_rate,
    throughput,
    budget,
)
