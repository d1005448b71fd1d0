"""The journal on disk: what a crash cuts, what a full disk cuts, who owns a folder, and which files are dropped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import NOW_MS, PORTFOLIO
from tidegate.journal.files import JournalUnwritable, Slot, open_slot, open_slots_of_the_dead
from tidegate.journal.journal import Journal
from tidegate.journal.memory import KEPT_MS, Entry

FIRST: Entry = ["era", PORTFOLIO, "one"]
SECOND: Entry = ["node", PORTFOLIO, "node-2", 5]
THIRD: Entry = ["era", PORTFOLIO, "three"]


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    made = open_slot(tmp_path)
    made.begin(NOW_MS, [])
    yield made
    made.leave()


def newest(tmp_path: Path, node: str = "node-1") -> Path:
    return max(tmp_path.joinpath(node).glob("*.journal"))


def reread(tmp_path: Path) -> list[Entry]:
    slot = open_slot(tmp_path)
    entries = list(slot.entries())
    slot.leave()
    return entries


class TestLines:
    def test_are_read_in_the_order_of_writing_over_all_files(self, slot: Slot, tmp_path: Path) -> None:
        slot.append([FIRST, SECOND])
        slot.begin(NOW_MS + 1, [THIRD])
        slot.append([FIRST])
        slot.sync()

        assert list(slot.entries()) == [FIRST, SECOND, THIRD, FIRST]
        assert len(list(tmp_path.joinpath("node-1").glob("*.journal"))) == 2

    def test_that_a_crash_has_cut_are_left_out_at_any_byte(self, slot: Slot, tmp_path: Path) -> None:
        slot.append([FIRST, SECOND])
        whole = newest(tmp_path).read_bytes()
        cut_in = whole.index(b"node") - 12
        for size in range(cut_in, len(whole)):
            newest(tmp_path).write_bytes(whole[:size])
            assert list(slot.entries()) == [FIRST], size

    def test_that_are_damaged_take_no_other_with_them(self, slot: Slot, tmp_path: Path) -> None:
        slot.append([FIRST, SECOND, THIRD])
        newest(tmp_path).write_bytes(newest(tmp_path).read_bytes().replace(b"node-2", b"node-3"))

        assert list(slot.entries()) == [FIRST, THIRD]

    @pytest.mark.parametrize(
        "rubbish",
        [
            pytest.param(b"\n", id="an empty line"),
            pytest.param(b"\nzz [1]", id="a checksum that is none"),
            pytest.param(b"\n00000000", id="a checksum alone"),
            pytest.param(b"\n\xff\xfe\x00\x00", id="bytes"),
            pytest.param(b"\n" + b"\0" * 4096, id="a block that was never written"),
        ],
    )
    def test_after_rubbish_are_read(self, slot: Slot, tmp_path: Path, rubbish: bytes) -> None:
        slot.append([FIRST])
        with newest(tmp_path).open("ab") as file:
            file.write(rubbish)
        slot.append([SECOND])

        assert list(slot.entries()) == [FIRST, SECOND]

    def test_are_not_for_other_users_of_the_machine(self, slot: Slot, tmp_path: Path) -> None:
        assert newest(tmp_path).stat().st_mode & 0o077 == 0


class TestAFullDisk:
    def test_is_said_when_nothing_can_be_written(self, slot: Slot) -> None:
        with open("/dev/full", "wb") as full:
            assert slot._file is not None
            os.dup2(full.fileno(), slot._file)
            with pytest.raises(JournalUnwritable, match="OSError"):
                slot.append([FIRST])

    def test_is_said_when_a_line_is_only_written_in_part(
        self, slot: Slot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.write
        room = [10]

        def writes_what_there_is_room_for(file: int, data: bytes) -> int:
            size = min(len(data), room[0])
            if not size:
                raise OSError(28, "No space left on device")
            room[0] -= size
            return write(file, data[:size])

        monkeypatch.setattr(os, "write", writes_what_there_is_room_for)
        with pytest.raises(JournalUnwritable):
            slot.append([FIRST])
        room[0] = 1_000_000
        slot.append([SECOND])

        assert list(slot.entries()) == [SECOND], "what the disk has cut ends before the next line"

    def test_is_no_fault_of_a_write_that_goes_in_parts(
        self, slot: Slot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = os.write
        monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:7])))

        slot.append([FIRST, SECOND])

        assert list(slot.entries()) == [FIRST, SECOND]

    def test_keeps_the_file_that_there_is(self, slot: Slot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        slot.append([FIRST])

        def no_space(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", no_space)
            with pytest.raises(JournalUnwritable):
                slot.begin(NOW_MS + 2 * KEPT_MS, [])
        slot.append([SECOND])

        assert list(slot.entries()) == [FIRST, SECOND]

    def test_is_said_of_a_place_that_is_none(self, tmp_path: Path) -> None:
        tmp_path.joinpath("file").touch()
        with pytest.raises(JournalUnwritable):
            open_slot(tmp_path / "file" / "journal")


class TestAFolder:
    def test_has_one_owner_and_the_next_takes_the_next(self, tmp_path: Path) -> None:
        slots = [open_slot(tmp_path), open_slot(tmp_path)]

        names = [slot.name for slot in slots]
        assert [name[:7] for name in names] == ["node-1-", "node-2-"]
        slots[0].leave()
        again = open_slot(tmp_path)
        assert again.name == names[0]
        for slot in (again, slots[1]):
            slot.leave()

    def test_is_another_processs_until_that_ends(self, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from tidegate.journal.files import open_slot; "
            "slot = open_slot(Path(sys.argv[1])); slot.begin(5, [['era', 'p', 'one']]); "
            "print(slot.name, flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            name = other.stdout.readline().strip()
            own = open_slot(tmp_path)
            assert (name[:7], own.name[:7]) == ("node-1-", "node-2-")
            assert open_slots_of_the_dead(tmp_path) == []
            other.kill()

        [dead] = open_slots_of_the_dead(tmp_path)
        assert (dead.name, list(dead.entries())) == (name, [["era", "p", "one"]])
        dead.leave()
        own.leave()

    def test_of_the_dead_with_nothing_in_it_is_left_to_others(self, tmp_path: Path) -> None:
        open_slot(tmp_path).leave()

        assert open_slots_of_the_dead(tmp_path) == []
        again = open_slot(tmp_path)
        assert again.name.startswith("node-1-")
        again.leave()

    def test_has_another_name_on_every_machine(self, tmp_path: Path) -> None:
        slots = [open_slot(tmp_path / machine) for machine in ("one", "two")]

        assert len({slot.name for slot in slots}) == 2
        for slot in slots:
            slot.leave()

    def test_whose_name_was_never_written_to_the_end_gets_another(self, tmp_path: Path) -> None:
        slot = open_slot(tmp_path)
        slot.leave()
        tmp_path.joinpath("node-1", "lock").write_bytes(slot.name[7:].encode()[:9])

        again = [open_slot(tmp_path)]
        again[0].leave()
        again.append(open_slot(tmp_path))
        again[1].leave()

        assert slot.name != again[0].name == again[1].name

    def test_that_was_removed_holds_nothing(self, tmp_path: Path) -> None:
        slot = open_slot(tmp_path)
        slot.begin(NOW_MS, [FIRST])
        slot.remove()

        assert reread(tmp_path) == []


class TestANewFile:
    @pytest.mark.parametrize(
        ("ages_ms", "kept"),
        [
            pytest.param([0], 2, id="the file before it is kept"),
            pytest.param([KEPT_MS], 2, id="one that ended just now is kept, however old its beginning"),
            pytest.param([2 * KEPT_MS, KEPT_MS], 3, id="one that ended a day ago to the millisecond is kept"),
            pytest.param([2 * KEPT_MS, KEPT_MS + 1], 2, id="one that ended earlier is dropped"),
            pytest.param([4 * KEPT_MS, 3 * KEPT_MS, 2 * KEPT_MS], 2, id="so are all before it"),
        ],
    )
    def test_drops_only_what_ended_before_anything_that_counts(
        self, tmp_path: Path, ages_ms: list[int], kept: int
    ) -> None:
        slot = open_slot(tmp_path)
        for age_ms in ages_ms:
            slot.begin(NOW_MS - age_ms - 1, [])

        slot.begin(NOW_MS - 1, [])

        assert len(slot._files()) == kept
        slot.leave()

    def test_is_newer_than_the_last_though_the_clock_went_back(self, slot: Slot) -> None:
        slot.append([FIRST])
        slot.begin(NOW_MS - 1_000, [SECOND])

        assert list(slot.entries()) == [FIRST, SECOND]

    @pytest.mark.parametrize(
        ("later_ms", "size", "is_time"),
        [
            pytest.param(0, 0, False, id="not at once"),
            pytest.param(100, 0, False, id="not at the age"),
            pytest.param(101, 0, True, id="beyond the age"),
            pytest.param(0, 1_000, False, id="not at the size"),
            pytest.param(0, 1_001, True, id="beyond the size"),
        ],
    )
    def test_is_begun_by_size_and_age(self, slot: Slot, later_ms: int, size: int, is_time: bool) -> None:
        assert slot._file is not None
        os.ftruncate(slot._file, size)

        assert slot.is_full(NOW_MS + later_ms, most_bytes=1_000, most_ms=100) is is_time


def test_what_a_newer_version_wrote_is_passed_over(tmp_path: Path) -> None:
    slot = open_slot(tmp_path)
    slot.begin(
        NOW_MS, [["tide", PORTFOLIO, {"high": 1}], FIRST, ["era"], [], ["node", PORTFOLIO, "node-2", 5, "new"], THIRD]
    )
    slot.leave()

    journal = Journal(again := open_slot(tmp_path))

    assert journal.of(PORTFOLIO).era == "three"
    again.leave()
