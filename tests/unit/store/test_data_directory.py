"""The directory of an embedded store is private, has one owner, and its socket can always be reached."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.errors import StoreUnavailable
from tidegate.store import data_directory
from tidegate.store.data_directory import NODE_LOCK, DirectoryInUse


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestPreparing:
    def test_a_missing_directory_is_made_private_with_its_parents(self, tmp_path: Path) -> None:
        made = data_directory.prepare(tmp_path / "a" / "b")

        assert made == tmp_path / "a" / "b"
        assert mode(made) == 0o700

    def test_a_relative_directory_becomes_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

        assert data_directory.prepare(Path("data")) == tmp_path / "data"

    @pytest.mark.parametrize(
        "holds",
        [
            pytest.param([], id="empty"),
            pytest.param([NODE_LOCK, "valkey.log"], id="with a store of an earlier run"),
        ],
    )
    def test_an_open_directory_of_ours_is_made_private(self, tmp_path: Path, holds: list[str]) -> None:
        tmp_path.chmod(0o755)
        for name in holds:
            (tmp_path / name).touch()

        data_directory.prepare(tmp_path)

        assert mode(tmp_path) == 0o700

    def test_an_open_directory_that_holds_other_things_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        (tmp_path / "letters.txt").touch()

        with pytest.raises(StoreUnavailable, match="new or empty directory"):
            data_directory.prepare(tmp_path)
        assert mode(tmp_path) == 0o755

    def test_a_directory_that_all_may_write_to_like_tmp_is_refused_even_if_empty(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o1777)

        with pytest.raises(StoreUnavailable, match="new or empty directory"):
            data_directory.prepare(tmp_path)
        assert mode(tmp_path) == 0o1777

    def test_a_private_directory_may_hold_anything(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        (tmp_path / "letters.txt").touch()

        assert data_directory.prepare(tmp_path) == tmp_path

    def test_a_file_is_no_directory(self, tmp_path: Path) -> None:
        (tmp_path / "data").touch()

        with pytest.raises(StoreUnavailable, match="can't be used"):
            data_directory.prepare(tmp_path / "data")


class TestLocking:
    def test_the_second_is_told_who_was_first_and_what_to_do(self, tmp_path: Path) -> None:
        first = data_directory.take_for_node(tmp_path)

        with pytest.raises(DirectoryInUse) as refused:
            data_directory.take_for_node(tmp_path)
        os.close(first)

        assert f"process {os.getpid()}" in str(refused.value)
        assert "redis://" in str(refused.value)
        assert "another directory" in str(refused.value)

    def test_is_free_again_once_its_holder_let_go(self, tmp_path: Path) -> None:
        os.close(data_directory.take_for_node(tmp_path))

        os.close(data_directory.take_for_node(tmp_path))

    def test_a_copy_of_the_descriptor_keeps_it(self, tmp_path: Path) -> None:
        first = data_directory.take(tmp_path, "X")
        assert first is not None
        copy = os.dup(first)
        os.close(first)

        assert data_directory.take(tmp_path, "X") is None
        os.close(copy)


class TestReaching:
    @pytest.fixture
    def folder(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """Where the links go; as short as a real one, which pytest's folders are not."""
        with tempfile.TemporaryDirectory(prefix="tg-") as short:
            monkeypatch.setattr(tempfile, "tempdir", short)
            yield Path(short, f"tidegate-{os.geteuid()}")

    @pytest.fixture
    def deep(self, tmp_path: Path) -> Path:
        return data_directory.prepare(tmp_path / ("d" * 120))

    def test_a_short_path_is_used_as_it_is(self, folder: Path) -> None:
        assert data_directory.reachable_socket(Path("/data")) == "/data/valkey.sock"
        assert not folder.exists()

    def test_a_long_path_gets_a_short_one_to_the_same_place(self, folder: Path, deep: Path) -> None:
        short = data_directory.reachable_socket(deep)

        assert len(short) <= 107
        assert Path(short).parent.resolve() == deep
        assert mode(folder) == 0o700
        assert data_directory.reachable_socket(deep) == short

    def test_a_link_that_points_elsewhere_is_corrected(self, folder: Path, deep: Path, tmp_path: Path) -> None:
        alias = Path(data_directory.reachable_socket(deep)).parent
        alias.unlink()
        alias.symlink_to(tmp_path)

        assert Path(data_directory.reachable_socket(deep)).parent.resolve() == deep

    def test_a_folder_that_others_may_write_to_is_not_trusted(self, folder: Path, deep: Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)

        with pytest.raises(StoreUnavailable, match="not a private folder"):
            data_directory.reachable_socket(deep)

    def test_a_link_in_the_place_of_the_folder_is_not_followed(self, folder: Path, deep: Path, tmp_path: Path) -> None:
        elsewhere = data_directory.prepare(tmp_path / "elsewhere")
        folder.symlink_to(elsewhere)

        with pytest.raises(StoreUnavailable, match="not a private folder"):
            data_directory.reachable_socket(deep)
        assert not list(elsewhere.iterdir())

    def test_a_directory_where_no_node_ever_ran_has_no_socket(self, tmp_path: Path) -> None:
        assert data_directory.existing_socket(tmp_path) is None
