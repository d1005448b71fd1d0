"""The audit's chain: what is hashed, and that nothing of it can be changed unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.policy.audit import GENESIS, Act, Actor, Deed, Verification, canonical, link

OPS = Actor("ops", "0123456789ab", "192.0.2.7")
Entries = list[dict[str, Any]]


def chain(length: int, first: int = 1, prev: str = GENESIS) -> Entries:
    """A chain as it is told."""
    told = []
    for seq in range(first, first + length):
        deed = Deed(Act.PAUSE_START, OPS, {"number": "106540352242922"}, "too many blocks", {"until": None})
        words = deed.words("lucky-shrub", seq, 1_700_000_000_007 + seq, f"id{seq}")
        told.append({**words, "prev": prev, "hash": link(prev, canonical(words))})
        prev = told[-1]["hash"]
    return told


def test_an_entry_says_who_did_what_when_why_and_from_where() -> None:
    words = Deed(Act.PAUSE_START, OPS, {"number": "1"}, "a reason", {"pause": "p1"}).words("shrub", 7, 1_007, "abc")
    assert words == {
        "seq": 7,
        "id": "abc",
        "at": "1970-01-01T00:00:01.007Z",
        "portfolio": "shrub",
        "act": "pause.start",
        "by": {"app": "ops", "key": "0123456789ab", "from": "192.0.2.7"},
        "target": {"number": "1"},
        "reason": "a reason",
        "detail": {"pause": "p1"},
    }


def test_the_hash_is_that_of_the_hash_before_and_of_the_words_in_canonical_json() -> None:
    entry = {"b": "é", "a": 1, "prev": "p", "hash": "h"}
    assert canonical(entry) == '{"a":1,"b":"é"}'
    assert link("ff", canonical(entry)) == hashlib.sha256(b'ff{"a":1,"b":"\xc3\xa9"}').hexdigest()


def test_a_chain_as_it_was_written_is_whole() -> None:
    walk = Verification()
    told = chain(5)
    assert walk.walk(told[:2])
    assert walk.walk(told[2:])
    assert walk.end()
    assert (walk.checked, walk.withheld, walk.seq, walk.hash) == (5, 0, 5, told[-1]["hash"])


def test_an_empty_chain_is_whole() -> None:
    assert Verification().end()


def test_a_chain_whose_oldest_entries_were_forgotten_is_whole_from_its_first_one_on() -> None:
    walk = Verification()
    assert walk.walk(chain(3, first=40, prev="a" * 64))
    assert walk.end()


def test_of_what_is_withheld_the_links_are_checked() -> None:
    told = chain(3)
    told[1] = {key: told[1][key] for key in ("seq", "prev", "hash")}
    walk = Verification()
    assert walk.walk(told)
    assert walk.withheld == 1
    told[1]["hash"] = "b" * 64
    assert not Verification().walk(told)


def changed(entries: Entries) -> None:
    entries[2]["reason"] = "no reason"


def rehashed(entries: Entries) -> None:
    entries[2]["reason"] = "no reason"
    entries[2]["hash"] = link(entries[2]["prev"], canonical(entries[2]))


def removed(entries: Entries) -> None:
    del entries[2]


def swapped(entries: Entries) -> None:
    entries[2], entries[3] = entries[3], entries[2]


def first_removed(entries: Entries) -> None:
    del entries[0]
    entries[0]["seq"] = 1


def inserted(entries: Entries) -> None:
    entries.insert(2, chain(1, first=3, prev=entries[1]["hash"])[0] | {"reason": "forged"})


@pytest.mark.parametrize(
    ("tamper", "seq", "why"),
    [
        pytest.param(changed, 3, "its words are not those that were hashed", id="changed words"),
        pytest.param(rehashed, 4, "it does not name the hash of the entry before it", id="changed words, hashed anew"),
        pytest.param(removed, 4, "it does not follow number 2", id="an entry removed"),
        pytest.param(swapped, 4, "it does not follow number 2", id="two entries swapped"),
        pytest.param(first_removed, 1, "it does not name the hash of the entry before it", id="a new beginning"),
        pytest.param(inserted, 3, "its words are not those that were hashed", id="an entry inserted"),
    ],
)
def test_the_first_entry_that_is_not_as_it_was_written_is_named(
    tamper: Callable[[Entries], None], seq: int, why: str
) -> None:
    told = chain(5)
    tamper(told)
    walk = Verification()
    assert not walk.walk(told)
    assert walk.broken is not None
    assert (walk.broken.seq, walk.broken.why) == (seq, why)
    assert not walk.end()


def test_a_chain_that_was_written_anew_does_not_have_the_hash_of_its_anchor() -> None:
    honest, forged = chain(3), chain(3, prev=GENESIS)
    forged[1]["reason"] = "another"
    for i in (1, 2):
        forged[i]["prev"] = forged[i - 1]["hash"]
        forged[i]["hash"] = link(forged[i]["prev"], canonical(forged[i]))
    assert Verification().walk(forged)
    assert not Verification({3: honest[2]["hash"]}).walk(forged)
    assert Verification({3: honest[2]["hash"]}).walk(honest)


def test_a_chain_that_begins_after_its_anchor_does_not_have_it() -> None:
    told = chain(4)
    walk = Verification({1: told[0]["hash"]})
    assert walk.walk(told[2:])
    assert not walk.end()
    assert walk.broken is not None
    assert walk.broken.seq == 1


def test_the_entry_that_the_oldest_one_names_is_an_anchor_still() -> None:
    told = chain(4)
    honest, other = Verification({2: told[1]["hash"]}), Verification({2: told[0]["hash"]})
    assert honest.walk(told[2:])
    assert honest.end()
    assert not other.walk(told[2:])


def test_a_chain_that_ends_before_its_anchor_was_cut_short() -> None:
    told = chain(3)
    walk = Verification({3: told[2]["hash"]})
    assert walk.walk(told[:2])
    assert not walk.end()
    assert walk.broken is not None
    assert walk.broken.seq == 3
