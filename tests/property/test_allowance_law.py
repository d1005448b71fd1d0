"""Allowances are judged as the ledger counts them: Send is said exactly when it took all that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.factories import (
    DAY_MS,
    PORTFOLIO,
    make_ask,
    make_case,
    make_inbound,
    make_ledger,
    make_outcome,
    make_rules,
    make_standing,
    user,
)
from tests.property.bench import Bench
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.capacity import share_places
from tidegate.policy.decide import explain, judge, shadowed, terms_of
from tidegate.policy.grant import Grant
from tidegate.policy.pricing import SERVICE_CHARGED_SINCE_MS
from tidegate.policy.rules import Mode, Rules
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Send
from tidegate.store.tallies import Tallies

#: Three days before free-form messages and utility in a window are charged.
BEGIN_MS = SERVICE_CHARGED_SINCE_MS - 3 * DAY_MS
CARD = {"currency": "USD", "markets": {"india": market("91"), "other": market("*")}}
MODES = st.sampled_from(["enforce", "enforce", "enforce", "shadow", "off"])
WARM_UPS = st.fixed_dictionaries({"start": st.integers(1, 3), "mode": MODES})
BUDGETS = st.fixed_dictionaries(
    {
        "amount": st.sampled_from(["0", "0.02", "0.023", "0.05"]),
        "wallet": st.booleans(),
        "mode": MODES,
        "period": st.sampled_from(["day", "month"]),
        "included_conversations": st.integers(0, 2),
        "categories": st.sampled_from([["marketing"], ["marketing", "utility", "authentication"]]),
        "rate_card": st.just([CARD]),
    }
)


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    tables: dict[str, Any] = {name: {"mode": "off"} for name in ("pair_rate", "throughput", "service_window")}
    which = draw(st.sampled_from(["warm_up", "budget", "budget", "both"]))
    if which != "budget":
        tables["warm_up"] = draw(WARM_UPS)
    if which != "warm_up":
        tables["budget"] = draw(BUDGETS)
    return make_rules(**tables)


@dataclass(frozen=True)
class Asked:
    """One send, after a time; the user may have written before it, and it may be proven unsent after it."""

    after_ms: int
    recipient: int
    category: Category | None
    digits: str
    template: str
    wrote: bool
    unsent: bool


ASKED = st.builds(
    Asked,
    after_ms=st.sampled_from([0, 0, 0, 0, 0, 1_000, DAY_MS // 2, DAY_MS]),
    recipient=st.integers(0, 3),
    category=st.sampled_from([Category.MARKETING, Category.UTILITY, Category.UTILITY, None]),
    digits=st.sampled_from(["919876543210", "15550001111", ""]),
    template=st.sampled_from(["a", "a b"]),
    wrote=st.sampled_from([False, False, False, True]),
    unsent=st.sampled_from([False, False, True]),
)


WALLETS = st.sampled_from([0, 25_000, 50_000])


def spent_limits(standing: Standing) -> dict[str, int]:
    """The most that each kind of enforced allowance may ever stand at."""
    rules, most = standing.rules, {}
    if rules.budget is not None and rules.budget.mode is Mode.ENFORCE and len(rules.budget.categories) == len(Category):
        most["spend:"] = max(rules.budget.amount_micros or 0, standing.wallets.get("w", 0))
    if rules.warm_up is not None and rules.warm_up.mode is Mode.ENFORCE:
        most["warm:"] = rules.warm_up.start
    return most


def test_send_is_said_exactly_when_the_ledger_took_it(bench: Bench) -> None:
    @given(
        rules=all_rules(),
        wallet=st.sampled_from([0, 25_000, 50_000]),
        share=st.sampled_from([None, 0.25, 0.5]),
        story=st.lists(ASKED, min_size=6, max_size=20),
    )
    @settings(max_examples=bench.examples(100), suppress_health_check=list(HealthCheck))
    def law(rules: Rules, wallet: int, share: float | None, story: list[Asked]) -> None:
        now_ms, ledger = BEGIN_MS, make_ledger(bench.client)
        bench.run(bench.begin(now_ms))
        standing = make_standing(rules=rules, wallets={"w": wallet}, limit=8)
        grant, about = (Grant("a", limit_share=share), b'{"app":"a","share":"1"}') if share else (None, b"{}")
        places = share_places(share or 1.0, 8, rules)
        most, named = spent_limits(standing), set()
        for i, one in enumerate(story):
            now_ms += one.after_ms
            bench.run(bench.set_clock(now_ms))
            case = make_case(
                waba="w",
                category=one.category,
                template=(one.template, "en") if one.category else None,
                digits=one.digits,
                grant=grant,
            )
            if one.wrote:
                bench.run(ledger.open_window(make_inbound(user(one.recipient), now_ms, case.number)))
            terms = terms_of(case, standing, rules, now_ms)
            ask = make_ask(f"m{i}", user(one.recipient), terms=terms, deadline_ms=now_ms + DAY_MS, about=about)

            foreseen = bench.run(ledger.admit(replace(ask, dry_run=True)))
            facts = bench.run(ledger.admit(ask))

            assert foreseen.taken == facts.taken
            assert isinstance(judge(case, terms, facts, rules), Send) == facts.taken
            assert facts.tallied == foreseen.tallied
            told = explain(case, standing, terms, facts, rules)
            in_shadow = [a.objection.reason for a in told if a.objection and a.mode is Mode.SHADOW]
            assert shadowed(case, terms, facts, rules) == in_shadow
            named |= {tally.name for tally in terms.tallies}
            if one.unsent and facts.taken:
                bench.run(ledger.settle(make_outcome(f"m{i}", "failed", release=True)))
            for prefix, limit in most.items():
                names = sorted(name for name in named if name.startswith(prefix))
                stand = bench.run(Tallies(bench.client).read(PORTFOLIO, names))
                replies = sum(3_000 for before in story[: i + 1] if before.category is None)
                assert all(0 <= taken <= limit + (replies if prefix == "spend:" else 0) for taken in stand)
        assert bench.run(ledger.books(PORTFOLIO, "a")).used <= places

    law()
