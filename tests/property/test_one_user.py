"""The law of opt-outs: what a user refuses under one name is refused under all that may be theirs.

Words and links come in any order, also at once; each is acknowledged. Then, for every name: if somebody has refused
under any name of its group, and nobody has agreed later under any of them, no send to it is allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from fakeredis import FakeAsyncRedis, FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, make_case, make_ledger, make_standing
from tests.factories import user as recipient
from tests.property.bench import examples
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.guardrails.opt_out import opt_out
from tidegate.policy.identity import Identity
from tidegate.store.aliases import Aliases
from tidegate.store.users import Users

MARKETING = Category.MARKETING
PHONES, IDS = range(3), range(3, 6)
NAMES = (*PHONES, *IDS)


class Word(NamedTuple):
    name: int
    granted: bool
    at_ms: int


class Linked(NamedTuple):
    alias: int
    name: int
    proven: bool
    at_ms: int


TIMES = st.integers(NOW_MS - 5, NOW_MS)
WORDS = st.builds(Word, st.sampled_from(NAMES), st.booleans(), TIMES)
#: Meta proves that an id is a number's; two numbers, or two ids, are only suspected to be one user's.
PROOFS = st.builds(Linked, st.sampled_from(IDS), st.sampled_from(PHONES), st.just(True), TIMES)
SUSPICIONS = st.builds(Linked, st.sampled_from(NAMES), st.sampled_from(NAMES), st.just(False), TIMES)
Step = Word | Linked
STEPS = st.lists(WORDS | WORDS | PROOFS | SUSPICIONS, min_size=2, max_size=10)


async def carry_out(step: Step, users: Users, aliases: Aliases) -> None:
    if isinstance(step, Linked):
        alias, name = recipient(step.alias), recipient(step.name)
        await aliases.link(PORTFOLIO, alias, name, proven=step.proven, at_ms=step.at_ms)
    elif step.granted:
        await users.update(
            PORTFOLIO, recipient(step.name), lambda known: known.with_consent(MARKETING, True, "a test", step.at_ms)
        )
    else:
        await users.refuse(PORTFOLIO, recipient(step.name), MARKETING, "a test", step.at_ms)


def groups(steps: Iterable[Step]) -> dict[int, set[int]]:
    """The names that may be one user's, by name."""
    group = {name: {name} for name in NAMES}
    for step in steps:
        if isinstance(step, Linked):
            both = group[step.alias] | group[step.name]
            for name in both:
                group[name] = both
    return group


async def law_holds(steps: list[Step], *, at_once: bool) -> None:
    client = FakeAsyncRedis(server=FakeServer())
    # Each node has its own view; what one has batched the other has not.
    nodes = [Users(client, [PORTFOLIO], lambda: NOW_MS, one_slot=False) for _ in range(2)]
    aliases = [Aliases(users, Identity(b"k" * 32), make_ledger(client), {PORTFOLIO: [NUMBER]}) for users in nodes]
    doing = [carry_out(step, nodes[index % 2], aliases[index % 2]) for index, step in enumerate(steps)]
    if at_once:
        await asyncio.gather(*doing)
    else:
        for one in doing:
            await one
    for name, group in groups(steps).items():
        said = [step for step in steps if isinstance(step, Word) and step.name in group]
        refused_ms = max((word.at_ms for word in said if not word.granted), default=None)
        granted_ms = max((word.at_ms for word in said if word.granted), default=0)
        _, known = await nodes[0].resolve(PORTFOLIO, recipient(name))
        stopped = opt_out(make_case(), make_standing(), known, NOW_MS) is not None
        if refused_ms is None:
            assert not stopped, (name, steps)
        elif granted_ms <= refused_ms:
            assert stopped, (name, steps)
    await client.aclose()


@settings(max_examples=examples(120))
@given(STEPS)
def test_one_after_the_other(steps: list[Step]) -> None:
    asyncio.run(law_holds(steps, at_once=False))


@settings(max_examples=examples(120))
@given(STEPS)
def test_all_at_once(steps: list[Step]) -> None:
    asyncio.run(law_holds(steps, at_once=True))
