"""A send's claim: asked for until it is taken, and answered with the outcome of the message that took it."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_facts, make_seal
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Answered, Claim, Held, Unclaimed
from tidegate.gateway.claims import refuse_unclaimed
from tidegate.gateway.settling import _Open
from tidegate.policy.verdict import Reason
from tidegate.store.idempotency import Entry

ENTRY = Entry("red", "shop:same", "", "m1")
HELD = Held("m1", "unknown", Reason.OUTCOME_UNKNOWN, None)


class Said(Claim):
    """Tells an end in its own words, or breaks."""

    fault: Exception | None = None
    kept_later: list[Answered] = []  # noqa: RUF012 - a struct gives each its own

    def keep_later(self) -> None:
        assert self.answered is not None
        self.kept_later.append(self.answered)

    def with_answer(self) -> bytes:
        if self.fault is not None:
            raise self.fault
        return repr(self.answered).encode()


def taken(fault: Exception | None = None) -> Said:
    claim = Said(fault, entry=ENTRY)
    claim.heed(make_facts(taken=True, now_ms=NOW_MS))
    return claim


def closed(claim: Said) -> _Open:
    """The outcome with which the answer of a claim is kept, once it is closed."""
    outcome = _Open("red", "m1", 1, "unknown", "a test", once="shop:same", unsealed=(make_seal(), "", claim))
    assert outcome.close()
    return outcome


def test_it_is_asked_for_until_it_is_taken() -> None:
    claim = Said(entry=ENTRY)
    assert (claim.entry, claim.is_taken) == (ENTRY, False)

    claim.heed(make_facts(taken=True))

    assert claim.is_taken
    refuse_unclaimed(claim)


@pytest.mark.parametrize("why", ["stale", "other_user", "outdated"])
def test_what_is_decided_anew_claims_again(why: str) -> None:
    claim = Said(entry=ENTRY)

    claim.heed(make_facts(taken=False, **{why: True}))

    assert not claim.is_taken


@pytest.mark.parametrize("seen", [{"unclaimed": True}, {"gone": True}, {"expired": True}, {}])
def test_a_send_that_is_denied_is_not_judged_before_its_claim_is(seen: dict[str, bool]) -> None:
    claim = Said(entry=ENTRY)

    with pytest.raises(Unclaimed):
        claim.heed(make_facts(taken=False, **seen))
    with pytest.raises(Unclaimed):
        refuse_unclaimed(claim)


def test_one_that_claims_nothing_is_judged() -> None:
    refuse_unclaimed(None)


def test_its_answer_is_kept_under_its_name() -> None:
    claim = taken()

    assert (claim.keeps("m1", HELD), claim.is_answered) == ("shop:same", True)
    assert claim.since_ms == NOW_MS
    assert closed(claim).answer == repr(HELD).encode()


def test_since_when_it_is_taken_is_not_told_by_a_second_call() -> None:
    claim = Said(entry=ENTRY)
    claim.heed(make_facts(taken=True, repeated=True))

    assert (claim.is_taken, claim.keeps("m1", HELD), claim.is_answered) == (True, "", False)


def test_what_another_message_came_to_is_left_to_whoever_claims() -> None:
    claim = taken()

    assert claim.keeps("m2", HELD) == ""
    assert not claim.is_answered


@pytest.mark.parametrize("fault", [StoreUnavailable("no key"), TypeError("surrogates")])
def test_an_answer_that_can_not_be_sealed_now_keeps_no_outcome_back_and_is_kept_later(fault: Exception) -> None:
    claim = taken(fault)

    assert claim.keeps("m1", HELD) == "shop:same"
    outcome = closed(claim)
    assert (outcome.once, outcome.answer, claim.kept_later) == ("", b"", [HELD])
    assert Said(entry=ENTRY).keeps("m1", HELD) == ""
