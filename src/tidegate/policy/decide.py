"""The judgement, pure: `decide` before the store is asked, `judge` on what it saw, `explain` for the curious."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.capacity import category_places, limit_places, reserved_above
from tidegate.policy.facts import NO_LIMIT, Case, Facts, Terms
from tidegate.policy.guardrails import COUNTED, STANDING, USER
from tidegate.policy.guardrails.campaign_hours import campaign_hours_from_ms
from tidegate.policy.guardrails.pair_rate import BURST, EMISSION_MS
from tidegate.policy.guardrails.quiet_hours import quiet_from_ms
from tidegate.policy.guardrails.throughput import EARLY_US, SLACK_US
from tidegate.policy.paces import number_share, turns_of
from tidegate.policy.rules import Mode, Rules
from tidegate.policy.standing import Standing
from tidegate.policy.tallies import tallies_of
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import SEND, Objection, Queue, Reason, Reject, Verdict, Wait

DAY_MS: Final = 86_400_000
#: How long Meta may still deliver what it accepted; source: Meta, "Time to live": 30 days, authentication 15 minutes.
TIME_TO_LIVE_MS: Final = {
    Category.AUTHENTICATION: 900_000,
    Category.UTILITY: 30 * DAY_MS,
    Category.MARKETING: 30 * DAY_MS,
}
#: From the place taken to the message accepted: longer than a POST takes, its time limit included.
_IN_TRANSIT_MS: Final = 60_000
#: A refusal for pacing that ends within this is a 429 with Retry-After; clients sleep that long inside the call.
PACING_RETRY_MS: Final = 30_000

#: An operator's pause is no rule of the file: what has no mode there always decides.
_STANDING: Final = tuple((guardrail.__name__, guardrail) for guardrail in STANDING)
_USER: Final = tuple((guardrail.__name__, guardrail) for guardrail in USER)
_COUNTED: Final = tuple((guardrail.__name__, guardrail) for guardrail in COUNTED)
#: A member of an enumeration is looked for at each asking; these are asked for of each guardrail.
_ENFORCE: Final = Mode.ENFORCE
_OFF: Final = Mode.OFF

PLACE_REASONS: Final = frozenset({Reason.MESSAGING_LIMIT, Reason.CATEGORY_RESERVE})


@dataclass(frozen=True, slots=True)
class Answer:
    """One guardrail's answer, for explanation: its objection, if any, and whether it decides."""

    guardrail: str
    mode: Mode
    objection: Objection | None


def decide(case: Case, standing: Standing, rules: Rules, now_ms: int, user: User = EMPTY) -> Verdict | Terms:
    """The verdict where standing and user alone give one, else the terms to be asked of the ledger."""
    if case.expires_at_ms <= now_ms:
        return Reject(Reason.EXPIRED, "its deadline passed before it could be sent")
    if case.not_before_ms > now_ms:
        return Queue(Reason.SCHEDULED, "it is not to be sent before the time asked for", case.not_before_ms)
    objections: list[Objection] = []
    shadows: list[Reason] = []
    modes = rules.modes
    for name, of_standing in _STANDING:
        mode = modes.get(name, _ENFORCE)
        if mode is not _OFF and (objection := of_standing(case, standing, now_ms)) is not None:
            _sort(objection, mode, objections, shadows)
    for name, of_user in _USER:
        mode = modes.get(name, _ENFORCE)
        if mode is not _OFF and (objection := of_user(case, standing, user, now_ms)) is not None:
            _sort(objection, mode, objections, shadows)
    if objections:
        return _verdict(case, _strictest(objections), now_ms)
    terms = terms_of(case, standing, rules, now_ms, user)
    return terms._replace(foreshadowed=tuple(shadows)) if shadows else terms


def judge(case: Case, terms: Terms, facts: Facts, rules: Rules) -> Verdict:
    """The verdict on what `admit` saw. Law: it is Send exactly when `admit` took what was asked for."""
    if facts.repeated:
        return SEND
    objections, _ = _counted(case, terms, facts, rules)
    return _verdict(case, _strictest(objections), facts.now_ms) if objections else SEND


def shadowed(case: Case, terms: Terms, facts: Facts, rules: Rules) -> list[Reason]:
    """What the guardrails in shadow mode would have objected to."""
    return _counted(case, terms, facts, rules)[1]


def _counted(case: Case, terms: Terms, facts: Facts, rules: Rules) -> tuple[list[Objection], list[Reason]]:
    objections: list[Objection] = []
    shadows: list[Reason] = []
    modes = rules.modes
    for name, guardrail in _COUNTED:
        mode = modes.get(name, _ENFORCE)
        if mode is not _OFF and (objection := guardrail(case, terms, facts)) is not None:
            _sort(objection, mode, objections, shadows)
    return objections, shadows


def _sort(objection: Objection, mode: Mode, objections: list[Objection], shadows: list[Reason]) -> None:
    # What only one of a guardrail's rules says in shadow is in shadow, though the guardrail is not.
    if objection.shadow or mode is Mode.SHADOW:
        shadows.append(objection.reason)
    else:
        objections.append(objection)


def explain(
    case: Case, standing: Standing, terms: Terms, facts: Facts, rules: Rules, user: User = EMPTY
) -> list[Answer]:
    """Every guardrail's answer, in the order of explanation."""
    now_ms = facts.now_ms
    said: list[tuple[str, Callable[[], Objection | None]]] = [
        *((name, partial(guardrail, case, standing, now_ms)) for name, guardrail in _STANDING),
        *((name, partial(guardrail, case, standing, user, now_ms)) for name, guardrail in _USER),
        *((name, partial(guardrail, case, terms, facts)) for name, guardrail in _COUNTED),
    ]
    return [
        Answer(name, Mode.SHADOW if objection is not None and objection.shadow else mode, objection)
        for name, ask in said
        if (mode := rules.modes.get(name, _ENFORCE)) is not _OFF
        for objection in (ask(),)
    ]


def terms_of(case: Case, standing: Standing, rules: Rules, now_ms: int = 0, user: User = EMPTY) -> Terms:
    """The numbers that `admit` is to compare with, under this standing and these rules, as things are at `now_ms`."""
    within_limit = category_bound = NO_LIMIT
    if case.category is not None:
        within_limit = unleased(limit_places(standing.limit, rules), standing)
        # Where nothing is reserved above a category, its bound is the limit's own affair.
        if reserved_above(standing.limit, case.category, rules):
            category_bound = min(category_places(standing.limit, case.category, rules), within_limit)
    enforced = [
        bound
        for guardrail, bound in (("messaging_limit", within_limit), ("category_reserve", category_bound))
        if bound != UNLIMITED and rules.mode(guardrail) is _ENFORCE
    ]
    per_second = standing.number(case.number).throughput
    emission_us = int(1_000_000 / per_second / number_share(case, standing, now_ms)) if per_second > 0 else 0
    held_until_ms = standing.held_until_ms if case.counts and standing.held_until_ms > now_ms else 0
    paced = rules.mode("throughput") is not _OFF
    paired = rules.mode("pair_rate") is not _OFF
    return Terms(
        epoch=standing.epoch,
        needs_window=(case.needs_window and rules.mode("service_window") is _ENFORCE) or held_until_ms > 0,
        counts=case.counts,
        places=min(enforced, default=NO_LIMIT),
        limit_places=within_limit,
        category_places=category_bound,
        hold_ms=hold_ms(case.category, rules),
        window_margin_ms=rules.window_margin_ms,
        pair_emission_ms=EMISSION_MS if paired else 0,
        pair_tolerance_ms=EMISSION_MS * (BURST - 1) if paired else 0,
        throughput_emission_us=emission_us if paced else 0,
        throughput_tolerance_us=SLACK_US + EARLY_US[case.category] if paced else 0,
        waits_for_pair=rules.mode("pair_rate") is _ENFORCE,
        waits_for_throughput=rules.mode("throughput") is _ENFORCE,
        user_version=user.version,
        valid_until_ms=_valid_until_ms(case, standing, rules, now_ms, user),
        turns=turns_of(case, standing, now_ms),
        tallies=tallies_of(case, standing, now_ms),
        held_until_ms=held_until_ms,
    )


def _valid_until_ms(case: Case, standing: Standing, rules: Rules, now_ms: int, user: User) -> int:
    """When the next night begins that holds this send; 0 where none does."""
    begins_ms = quiet_from_ms(case, user, rules, now_ms) or 0
    if case.campaign is None:
        return begins_ms
    own_ms = campaign_hours_from_ms(case, standing, user, now_ms) or 0
    return min(begins_ms, own_ms) if begins_ms and own_ms else begins_ms or own_ms


def unleased(places: int, standing: Standing) -> int:
    """Places that may be filled, less those that nodes have leased for a time without the store."""
    return places if places == UNLIMITED else max(0, places - standing.prepaid)


def hold_ms(category: Category | None, rules: Rules) -> int:
    """For how long a message that goes now keeps its place while nobody knows its fate."""
    # What is delivered at the last moment, and never told of, counts for another day.
    return DAY_MS + _last_delivery_ms(category) if rules.late_delivery_hold else DAY_MS


def _last_delivery_ms(category: Category | None) -> int:
    """After how long a message that took a place at once may be delivered at the latest."""
    return _IN_TRANSIT_MS + TIME_TO_LIVE_MS[category] if category is not None else 0


def is_free(case: Case, standing: Standing, now_ms: int) -> bool:
    """Whether nothing in the standing objects to a send; what is known of the recipient is not looked at."""
    rules = standing.rules
    return not any(
        mode is _ENFORCE and (objection := guardrail(case, standing, now_ms)) is not None and not objection.shadow
        for name, guardrail in _STANDING
        if (mode := rules.modes.get(name, _ENFORCE)) is not _OFF
    )


def _strictest(objections: list[Objection]) -> Objection:
    return max(objections, key=lambda o: (o.final, not o.pacing, o.until_ms or 0))


def _verdict(case: Case, objection: Objection, now_ms: int) -> Verdict:
    until_ms = objection.until_ms
    if objection.pacing and until_ms is not None and until_ms - now_ms <= case.pacing_wait_ms:
        return Wait(objection, until_ms)
    if case.hold and not objection.final:
        needs_place = objection.reason in PLACE_REASONS
        return Queue(objection.reason, objection.detail, until_ms, needs_place, objection.spread_ms)
    soon = objection.pacing and until_ms is not None and until_ms - now_ms <= PACING_RETRY_MS
    return Reject(objection.reason, objection.detail, until_ms, pacing=soon)
