"""Which allowances a send asks for: new recipients, while something warms up or of an app's share; and money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tidegate.cloudapi.events import Pricing
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality
from tidegate.policy.allowance_rules import BudgetRule, WarmUpRamp
from tidegate.policy.capacity import share_places
from tidegate.policy.facts import NO_LIMIT, Case, Facts, Tally, Terms
from tidegate.policy.money import write_micros
from tidegate.policy.paces import is_marketing_now
from tidegate.policy.pricing import PER_MESSAGE_SINCE_MS, SERVICE_CHARGED_SINCE_MS, Occasion, billed, price
from tidegate.policy.rule_table import Mode
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection, Reason
from tidegate.policy.warm_up import next_day_ms
from tidegate.policy.warming import KEPT_MS, Warming, number_id, tally_name, template_id

WARM: Final = "warm:"
SPEND: Final = "spend:"
SHARE: Final = "share:"
#: What a status may still settle: longer than Meta repeats a webhook (7 days) after its 30 days to deliver.
SETTLED_MS: Final = 40 * 86_400_000


def tallies_of(case: Case, standing: Standing, now_ms: int) -> tuple[Tally, ...]:
    """The allowances that a send asks for, under the rules of the standing."""
    return (*_warm_ups(case, standing, now_ms), *_share(case, standing), *_money(case, standing, now_ms))


def lacking(terms: Terms, facts: Facts) -> Iterator[Tally]:
    """The tallies that have no room for the send, as `admit` compared them; those that nobody enforces as well."""
    is_new, in_window, covered = facts.needs_place(terms), facts.window_open(terms.window_margin_ms), False
    for tally, stood in zip(terms.tallies, facts.tallied, strict=False):
        fits = tally.limit == NO_LIMIT or stood + tally.cost <= tally.limit
        if tally.covers:
            covered = covered or fits
        elif not fits and (is_new or not tally.only_new):
            is_free = covered or tally.cost == 0 or (tally.free_in_window and in_window)
            if not is_free:
                yield tally


def subjects_of(case: Case, rule: WarmUpRamp, standing: Standing) -> Iterator[tuple[str, str, Quality]]:
    """What a send would warm up: kind, id and rating."""
    if case.category not in rule.categories or not case.counts:
        return
    if "number" in rule.scopes:
        yield "number", number_id(case.number), standing.number(case.number).quality
    if "template" in rule.scopes and case.template is not None:
        known = standing.template(case.waba, *case.template)
        yield "template", template_id(case.waba, *case.template), known.quality if known else Quality.UNKNOWN


def _warm_ups(case: Case, standing: Standing, now_ms: int) -> Iterator[Tally]:
    rule = standing.rules.warm_up
    if rule is None or rule.mode is Mode.OFF:
        return
    for kind, subject, quality in subjects_of(case, rule, standing):
        warming = standing.warmings.get(subject)
        if warming is None:
            if quality is not Quality.UNKNOWN:
                continue
            # Its first send: nobody else needs to know of it before.
            warming = Warming.begun(rule.plan, now_ms, quality)
        recipients = warming.allowance(rule.plan, standing.limit)
        ended = warming.days_ended(now_ms)
        until_ms = next_day_ms(warming.since_ms, now_ms)
        detail = f"this {kind} warms up: its {recipients} new recipients of the day are taken"
        yield Tally(
            tally_name(subject, ended.stop if ended else warming.day),
            1,
            NO_LIMIT if recipients == UNLIMITED else recipients,
            only_new=True,
            expires_at_ms=until_ms + KEPT_MS,
            objection=Objection(Reason.WARM_UP, detail, until_ms=until_ms),
            enforced=rule.mode is Mode.ENFORCE,
        )


def _share(case: Case, standing: Standing) -> Iterator[Tally]:
    if case.grant is not None and case.grant.limit_share is not None and case.counts:
        places = share_places(case.grant.limit_share, standing.limit, standing.rules)
        limit = NO_LIMIT if places == UNLIMITED else places
        yield Tally(f"{SHARE}{case.grant.app}", 1, limit, only_new=True, expires_at_ms=0, of_places=True)


def _money(case: Case, standing: Standing, now_ms: int) -> Iterator[Tally]:
    rule = standing.rules.budget
    if rule is None or rule.mode is Mode.OFF:
        return
    category = Category.MARKETING if is_marketing_now(case, standing, now_ms) else case.category
    outside, inside = (_price(rule, case, category, now_ms, in_window=within) for within in (False, True))
    if category is None and now_ms >= SERVICE_CHARGED_SINCE_MS and rule.included_conversations:
        name, end_ms = included_tally(rule, case.number, now_ms)
        yield Tally(name, 1, rule.included_conversations, False, end_ms + SETTLED_MS, covers=True)
    stops = category in rule.categories
    if rule.amount_micros is not None:
        name, end_ms = spend_tally(rule, case.portfolio, case.waba, now_ms)
        left = f"what is left of the {rule.period.value}'s budget"
        detail = f"a price of {write_micros(outside)} {rule.currency} is more than {left}"
        yield Tally(
            name,
            outside,
            rule.amount_micros if stops else NO_LIMIT,
            only_new=False,
            expires_at_ms=end_ms + SETTLED_MS,
            objection=Objection(Reason.BUDGET, detail, until_ms=end_ms),
            free_in_window=inside == 0,
            enforced=rule.mode is Mode.ENFORCE,
        )
    if rule.wallet:
        yield Tally(
            wallet_tally(rule, case.waba),
            outside,
            standing.wallets.get(case.waba, 0) if stops else NO_LIMIT,
            only_new=False,
            expires_at_ms=0,
            objection=Objection(Reason.BUDGET, "the account's wallet holds less than the message's price: top it up"),
            free_in_window=inside == 0,
            enforced=rule.mode is Mode.ENFORCE,
        )


def spend_tally(rule: BudgetRule, portfolio: str, waba: str, now_ms: int) -> tuple[str, int]:
    """Name of the count of what is spent in the period that is now, and the period's end in ms."""
    start_ms, end_ms = rule.period_ms(now_ms)
    owner = f"portfolio:{portfolio}" if rule.per == "portfolio" else f"waba:{waba}"
    return f"{SPEND}{rule.currency}:{owner}:{rule.period.value}:{start_ms}", end_ms


def included_tally(rule: BudgetRule, number: str, now_ms: int) -> tuple[str, int]:
    """Name of the count of a number's free conversations in the month that is now, and the month's end in ms."""
    start_ms, end_ms = rule.month_ms(now_ms)
    return f"included:{number}:{start_ms}", end_ms


def wallet_tally(rule: BudgetRule, waba: str) -> str:
    """Name of the count of all that was ever taken of an account's wallet."""
    return f"{SPEND}{rule.currency}:wallet:{waba}"


def billed_micros(rule: BudgetRule | None, digits: str, pricing: Pricing | None, at_ms: int) -> int:
    """What Meta bills for a message by a status of it, in millionths; -1 where that can't be told.

    `digits`: the recipient's phone number, "" when it is hidden.
    """
    if rule is None or rule.mode is Mode.OFF or pricing is None:
        return -1
    return billed(rule.card(at_ms), digits, pricing, -1)


def _price(rule: BudgetRule, case: Case, category: Category | None, now_ms: int, *, in_window: bool) -> int:
    card = rule.card(now_ms)
    micros = price(card, case.digits, category, Occasion(now_ms, in_window=in_window))
    if micros is not None:
        return micros
    # Whom the card does not name may live in its dearest market.
    dearest = max(market.micros(category) for market in card.markets.values())
    return dearest if now_ms >= PER_MESSAGE_SINCE_MS else 0
