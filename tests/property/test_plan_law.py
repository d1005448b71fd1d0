"""Laws of plans: what is planned is what the guardrails and the ledger would let go, one recipient after the other."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import DAY_MS, NOW_MS, NUMBER, TEMPLATE, WABA, make_ask, make_ledger, make_standing
from tests.property.bench import Bench, examples
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.decide import decide, judge, terms_of
from tidegate.policy.facts import Facts, Terms
from tidegate.policy.grant import Grant
from tidegate.policy.plan import Cohort, Course, Itinerary, Sender, Situation
from tidegate.policy.plan.itinerary import DELIVERED_AFTER_MS
from tidegate.policy.plan.taking import most
from tidegate.policy.pricing import SERVICE_CHARGED_SINCE_MS
from tidegate.policy.rules import Rules
from tidegate.policy.standing import Pause, Standing
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Queue, Reject, Send

SENDER = Sender(WABA, NUMBER)
PRICED_MS = SERVICE_CHARGED_SINCE_MS + 40 * DAY_MS
CARD = {"currency": "USD", "markets": {"all": market("*") | {"marketing": "0.03"}}}
OFF = {"pair_rate": {"mode": "off"}, "throughput": {"mode": "off"}}
RESERVES = st.sampled_from([{"authentication": 0.0, "utility": 0.0}, {"authentication": 0.1, "utility": 0.2}])
OPTED_OUT = EMPTY.with_consent(Category.MARKETING, False, "a tap", NOW_MS)


def someone(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


@st.composite
def bounded(draw: st.DrawFn) -> tuple[Rules, Standing, Grant | None]:
    """Rules that bound a campaign by places, by warm-ups, by money, by an app's share; each of them or not."""
    tables: dict[str, object] = {"headroom": draw(st.sampled_from([0.0, 0.1])), "reserve": draw(RESERVES)}
    if draw(st.booleans()):
        tables["warm_up"] = {
            "start": draw(st.integers(1, 12)),
            "scopes": draw(st.sampled_from([["number"], ["template"]])),
        }
    if draw(st.booleans()):
        amount = draw(st.sampled_from(["0.1", "0.3", "1"]))
        tables["budget"] = {"amount": amount, "per": "portfolio", "rate_card": [CARD]}
    rules = Rules.model_validate(tables | OFF)
    grant = Grant("shop", limit_share=draw(st.sampled_from([0.3, 1.0]))) if draw(st.booleans()) else None
    return rules, make_standing(limit=draw(st.sampled_from([UNLIMITED, 3, 10, 20])), rules=rules), grant


def test_as_many_of_a_cohort_are_planned_as_the_ledger_takes(bench: Bench) -> None:
    @given(bounds=bounded(), before=st.integers(0, 6), wanted=st.integers(1, 12), counted=st.booleans())
    @settings(max_examples=examples(15), suppress_health_check=list(HealthCheck), deadline=None)
    def law(bounds: tuple[Rules, Standing, Grant | None], before: int, wanted: int, counted: bool) -> None:
        rules, standing, grant = bounds
        ledger = make_ledger(bench.client)
        bench.run(bench.begin(PRICED_MS))
        cohort = Cohort(
            recipients=wanted, category=Category.MARKETING, template=TEMPLATE, senders=(SENDER,),
            expires_at_ms=PRICED_MS + DAY_MS, grant=grant,
        )  # fmt: skip
        case = cohort.case(SENDER, standing, PRICED_MS)
        terms = terms_of(case, standing, rules, PRICED_MS)
        about = b'{"app":"shop","share":"1"}'

        def admitted(number: int, *, dry_run: bool = False) -> Facts:
            ask = make_ask(f"m{number}", someone(number), terms=terms, about=about, dry_run=dry_run)
            return bench.run(ledger.admit(ask))

        held = [number for number in range(before) if admitted(number).taken]
        # Those who hold places already are written to again, under other message ids.
        whom = [1_000 * (n + 1) + n for n in range(wanted)]
        users = {message: (held[n % len(held)] if counted and held else message) for n, message in enumerate(whom)}

        def sent(message: int, *, dry_run: bool = False) -> Facts:
            ask = make_ask(f"m{message}", someone(users[message]), terms=terms, about=about, dry_run=dry_run)
            return bench.run(ledger.admit(ask))

        planned, verdict = most(case, terms, sent(whom[0], dry_run=True), rules, wanted)

        seen = [sent(message) for message in whom]
        taken = [facts.taken for facts in seen]
        assert taken == [True] * planned + [False] * (wanted - planned)
        if planned < wanted:
            said = judge(case, terms, seen[planned], rules)
            assert isinstance(said, Queue)
            assert isinstance(verdict, Queue)
            assert said.reason is verdict.reason

    law()


@dataclass(frozen=True)
class Person:
    zone: str
    opted_out: bool = False

    @property
    def user(self) -> User:
        return OPTED_OUT if self.opted_out else EMPTY


PEOPLE = st.lists(
    st.builds(
        Person,
        zone=st.sampled_from(["America/New_York", "Asia/Tokyo", "Europe/London", "Australia/Lord_Howe"]),
        opted_out=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=30,
)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    tables: dict[str, object] = {"headroom": 0.0, "reserve": draw(RESERVES)}
    if draw(st.booleans()):
        tables["quiet_hours"] = {"from": draw(st.sampled_from(["18:00", "21:30"])), "to": "08:00"}
    until_ms = NOW_MS + draw(st.integers(0, 40)) * 3_600_000
    pauses = (Pause("p", "number", NUMBER, "why", NOW_MS, until_ms, "me"),) if draw(st.booleans()) else ()
    rules = Rules.model_validate(tables | OFF)
    return make_standing(limit=draw(st.sampled_from([UNLIMITED, 3, 7, 20])), rules=rules, pauses=pauses)


def one_by_one(
    people: Sequence[Person], standing: Standing, deadline_ms: int
) -> tuple[Counter[int], Counter[str], int]:
    """Every recipient asked alone, at every moment at which something may have changed.

    Sends by day, refusals by reason, and when the last of either was.
    """
    now_ms, ends, waiting = NOW_MS, list[int](), list(people)
    sent, refused, last_ms = Counter[int](), Counter[str](), NOW_MS
    while waiting and now_ms < deadline_ms:
        ends = [end_ms for end_ms in ends if end_ms > now_ms]
        times, still = [now_ms + DAY_MS], []
        for person in waiting:
            cohort = Cohort(
                recipients=1, category=Category.MARKETING, template=TEMPLATE, senders=(SENDER,),
                expires_at_ms=deadline_ms, zones=(person.zone,), user=person.user,
            )  # fmt: skip
            case = cohort.case(SENDER, standing, now_ms)
            said = decide(case, standing, standing.rules, now_ms, person.user)
            if isinstance(said, Terms):
                said = judge(case, said, Facts(now_ms, 0, taken=False, used=len(ends)), standing.rules)
            if isinstance(said, Send):
                ends.append(-(-(now_ms + DAY_MS + DELIVERED_AFTER_MS) // 1000) * 1000)
                sent[(now_ms - NOW_MS) // DAY_MS] += 1
                last_ms = now_ms
            elif isinstance(said, Reject):
                refused[said.reason.value] += 1
                last_ms = now_ms
            else:
                assert isinstance(said, Queue)
                still.append(person)
                times += [said.until_ms] if said.until_ms is not None else []
        waiting = still
        now_ms = min(at_ms for at_ms in [*times, *ends] if at_ms > now_ms)
    return sent, refused, last_ms


@given(people=PEOPLE, standing=standings())
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_a_plan_sends_what_goes_when_everybody_is_asked_alone(people: list[Person], standing: Standing) -> None:
    deadline_ms = NOW_MS + 6 * DAY_MS + 7_200_000
    cohorts = [
        Cohort(
            recipients=count, category=Category.MARKETING, template=TEMPLATE, senders=(SENDER,),
            expires_at_ms=deadline_ms, zones=(person.zone,), user=person.user,
        )
        for person, count in Counter(people).items()
    ]  # fmt: skip
    course = Course(Situation(NOW_MS, standing), Itinerary(NOW_MS, deadline_ms), cohorts)
    for _ in course.run():
        pass
    forecast = course.forecast()

    sent, refused, last_ms = one_by_one(people, standing, deadline_ms)

    assert forecast.refused == dict(refused)
    assert forecast.sent == sum(sent.values())
    if not forecast.unsent:
        assert forecast.finish_ms is not None
        # A tick for each wave of places that come free.
        assert 0 <= forecast.finish_ms - last_ms <= 7 * 20_000
