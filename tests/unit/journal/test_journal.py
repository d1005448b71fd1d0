"""One node's journal: what is on disk when a send begins, what it costs, and what is noted of the rest."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO
from tests.unit.journal.test_memory import ANN, BOB, STOP, an_intent
from tests.waiting import until
from tidegate.journal import Journal, JournalUnwritable, open_slot
from tidegate.journal import journal as module
from tidegate.journal.memory import KEPT_MS, Entry

HOUR_MS = 3_600_000


class Disk:
    """What has reached the disk for certain: how much of each file when it was synced last."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.syncs = 0
        self.broken = False
        self.safe: dict[int, int] = {}
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._sync = os.fdatasync
        patch.setattr("tidegate.journal.files.os.fdatasync", self._synced)

    def _synced(self, file: int) -> None:
        size = os.fstat(file).st_size
        assert self.goes_on.wait(20)
        self.syncs += 1
        if self.broken:
            raise OSError(5, "Input/output error")
        self._sync(file)
        self.safe[os.fstat(file).st_ino] = size

    @property
    def unsafe(self) -> list[str]:
        """Files of which a power loss would cut something."""
        return [name for name, stat in self.files.items() if self.safe.get(stat.st_ino, 0) < stat.st_size]

    @property
    def files(self) -> dict[str, os.stat_result]:
        """Every file of the journal, by its name."""
        return {path.name: path.stat() for path in self.folder.rglob("*.journal")}


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(tmp_path, monkeypatch)
    yield made
    made.goes_on.set()


def opened(folder: Path) -> Journal:
    journal = Journal(open_slot(folder))
    journal.begin(NOW_MS)
    return journal


def written(folder: Path) -> list[Entry]:
    slot = open_slot(folder)
    entries = list(slot.entries())
    slot.leave()
    return entries


async def test_a_send_is_on_the_disk_when_it_may_begin(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)

    await journal.intend([an_intent("m1"), an_intent("m2")], NOW_MS)

    assert disk.unsafe == []
    await journal.close()
    again = Journal(open_slot(tmp_path))
    assert again.of(PORTFOLIO).intents == {"m1": an_intent("m1"), "m2": an_intent("m2")}
    await again.close()


async def test_a_send_that_is_learned_of_when_it_has_ended_is_on_the_disk_with_its_end(tmp_path: Path) -> None:
    journal = opened(tmp_path)

    await journal.intend([an_intent(state="accepted", wamid="sealed")], NOW_MS)

    await journal.close()
    again = Journal(open_slot(tmp_path))
    assert again.of(PORTFOLIO).intents == {"m1": an_intent(state="accepted", wamid="sealed")}
    await again.close()


async def test_a_send_is_on_the_disk_though_a_new_file_was_due_in_that_moment(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    await journal.intend([an_intent("m1")], NOW_MS)

    await journal.intend([an_intent("m2")], NOW_MS + HOUR_MS + 1)

    assert len(disk.files) == 2, "a new file was due"
    assert disk.unsafe == []
    await journal.close()


async def test_sends_of_one_moment_share_a_sync(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    before = disk.syncs
    disk.goes_on.clear()
    sends = [asyncio.ensure_future(journal.intend([an_intent(f"m{n}")], NOW_MS)) for n in range(50)]
    await asyncio.sleep(0)
    assert not any(send.done() for send in sends)

    disk.goes_on.set()
    await asyncio.gather(*sends)

    # The first of them began a sync, and the others came while it was on its way or before.
    assert disk.syncs - before <= 2
    assert disk.unsafe == []
    await journal.close()


async def test_a_disk_that_does_not_sync_lets_no_send_begin_and_is_asked_again(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    disk.broken = True
    told = await asyncio.gather(
        *(journal.intend([an_intent(f"m{n}")], NOW_MS) for n in range(3)), return_exceptions=True
    )
    assert [type(one) for one in told] == [JournalUnwritable] * 3

    disk.broken = False
    await journal.intend([an_intent("m9")], NOW_MS)
    assert disk.unsafe == []
    await journal.close()


async def test_a_journal_that_ends_waits_for_what_is_on_its_way(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    disk.goes_on.clear()
    send = asyncio.ensure_future(journal.intend([an_intent()], NOW_MS))
    end = asyncio.ensure_future(_ended(journal, send))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not end.done()

    disk.goes_on.set()
    await asyncio.gather(send, end)
    assert disk.unsafe == []


async def _ended(journal: Journal, send: asyncio.Future[None]) -> None:
    await asyncio.sleep(0)
    await journal.close()


async def test_how_a_try_ended_is_noted_of_that_try_alone() -> None:
    journal = Journal()
    intents = [an_intent("m1"), an_intent("m2", attempt=2), an_intent("m3")]
    await journal.intend(intents, NOW_MS)

    for message_id in ("m1", "m2", "m4"):
        journal.ended(PORTFOLIO, message_id, 1, "accepted", "")
    journal.end(intents[2], "unknown", "")

    assert [(intent.state, journal.of(PORTFOLIO).intents[intent.message_id] is intent) for intent in intents] == [
        ("accepted", True),
        ("sending", True),
        ("unknown", True),
    ]


async def test_what_a_status_has_told_stands_when_an_outcome_is_told_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    await journal.intend([an_intent("m1"), an_intent("m2")], NOW_MS)
    outcomes = [("m1", "accepted", "wamid.1"), ("m2", "unknown", "")]
    for outcome in outcomes:
        journal.ended(PORTFOLIO, outcome[0], 1, *outcome[1:])
    journal.freed(PORTFOLIO, "m1")
    journal.delivered(PORTFOLIO, "m2", NOW_MS + 9)

    for outcome in outcomes:
        journal.ended(PORTFOLIO, outcome[0], 1, *outcome[1:])

    past = journal.of(PORTFOLIO)
    assert [past.intents[name].state for name in ("m1", "m2")] == ["failed", "delivered"]
    await journal.close()
    assert [entry[0] for entry in written(tmp_path)] == ["intent", "intent", "ended", "ended", "ended", "delivered"]
    again = Journal(open_slot(tmp_path))
    assert again.of(PORTFOLIO) == past
    await again.close()


async def test_what_is_noted_beside_the_sends_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    await journal.intend([an_intent("m1"), an_intent("m2"), an_intent("m3")], NOW_MS)
    journal.ended(PORTFOLIO, "m1", 1, "accepted", "wamid.1")
    journal.delivered(PORTFOLIO, "m2", NOW_MS + 9)
    journal.requeued(PORTFOLIO, "m3")
    journal.window(PORTFOLIO, NUMBER, ANN, NOW_MS)
    journal.words(PORTFOLIO, ANN, {"marketing": STOP})
    journal.begun(PORTFOLIO, "one", {"node-2": NOW_MS})
    past = journal.of(PORTFOLIO)
    assert (past.intents["m1"].state, past.intents["m2"].state, "m3" in past.intents) == (
        "accepted",
        "delivered",
        False,
    )
    await journal.close()

    again = Journal(open_slot(tmp_path))

    assert again.of(PORTFOLIO) == past
    await again.close()


async def test_an_entry_that_says_nothing_new_is_not_written(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(3):
        journal.words(PORTFOLIO, ANN, {"marketing": STOP})
        journal.begun(PORTFOLIO, "one", {"node-2": NOW_MS})
        journal.delivered(PORTFOLIO, "of another node", NOW_MS)
        journal.requeued(PORTFOLIO, "of another node")
    journal.words(PORTFOLIO, BOB, {})
    await journal.close()

    assert [entry[0] for entry in written(tmp_path)] == ["words", "era", "node"]


@pytest.mark.parametrize(
    ("later_ms", "told"),
    [
        pytest.param(60_000, False, id="a minute later it is not worth a line"),
        pytest.param(60_001, True, id="later than that it is"),
    ],
)
async def test_another_node_is_noted_once_a_minute(tmp_path: Path, later_ms: int, told: bool) -> None:
    journal = opened(tmp_path)
    journal.begun(PORTFOLIO, "one", {"node-2": NOW_MS})
    journal.begun(PORTFOLIO, "one", {"node-2": NOW_MS + later_ms})

    assert (journal.of(PORTFOLIO).nodes["node-2"] > NOW_MS) is told
    await journal.close()


async def test_what_no_send_rests_on_may_be_lost_by_a_full_disk(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal._slot is not None
    full = os.open("/dev/full", os.O_WRONLY)
    assert journal._slot._file is not None
    os.dup2(full, journal._slot._file)
    os.close(full)
    journal.window(PORTFOLIO, NUMBER, ANN, NOW_MS)
    assert journal.of(PORTFOLIO).windows == {(NUMBER, ANN): NOW_MS}
    await journal.close()


async def test_what_nothing_depends_on_any_more_is_forgotten_within_a_minute(tmp_path: Path) -> None:
    for journal in (opened(tmp_path), Journal()):
        await journal.intend([an_intent("m1")], NOW_MS)
        await journal.intend([an_intent("m2", at_ms=NOW_MS + KEPT_MS)], NOW_MS + KEPT_MS)

        assert list(journal.of(PORTFOLIO).intents) == ["m2"]
        await journal.close()


async def test_a_journal_without_a_folder_remembers_as_long_as_it_lives() -> None:
    journal = Journal()
    journal.begin(NOW_MS)
    await journal.intend([an_intent()], NOW_MS)
    journal.ended(PORTFOLIO, "m1", 1, "failed", "")

    assert journal.of(PORTFOLIO).intents["m1"].state == "failed"
    assert journal.node != Journal().node
    await journal.close()


def test_each_send_of_a_call_is_remembered_with_its_portfolio() -> None:
    journal = Journal()
    sends = [an_intent(f"m{n}", portfolio=portfolio) for n, portfolio in enumerate(["red", "red", "blue", "red"])]

    journal.remember(sends, NOW_MS)

    assert list(journal.of("red").intents) == ["m0", "m1", "m3"]
    assert list(journal.of("blue").intents) == ["m2"]


async def test_a_new_file_is_not_begun_while_a_sync_is_on_its_way(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    disk.goes_on.clear()
    first = asyncio.ensure_future(journal.intend([an_intent("m1")], NOW_MS))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(journal.intend([an_intent("m2")], NOW_MS + 2 * module._MOST_MS))
    await asyncio.sleep(0)
    assert len(disk.files) == 1

    disk.goes_on.set()
    await asyncio.gather(first, second)

    async def has_a_new_file() -> bool:
        await journal.intend([an_intent("m3")], NOW_MS + 4 * module._MOST_MS)
        return len(disk.files) == 2

    await until(has_a_new_file)
    assert disk.unsafe == []
    await journal.close()
