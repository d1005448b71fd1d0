"""Files that cannot be read as TOML at all."""

from pathlib import Path

import pytest

from tests.unit.settings.conftest import SAMPLE
from tidegate.errors import BadConfiguration
from tidegate.settings import load

EXAMPLE = Path(__file__).parents[3] / "tidegate.example.toml"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            b"[server\n",
            "is no TOML: Expected ']' at the end of a table declaration (at line 1, column 8)",
            id="a bracket lost",
        ),
        pytest.param(b"a = 1\na = 2\n", "is no TOML: Cannot overwrite a value (at end of document)", id="a key twice"),
        pytest.param(b"a = '\xff'", "is not UTF-8, so it is no TOML", id="another encoding"),
        pytest.param(b"a = " + b"[" * 100_000, "is no TOML of ours: nested too deeply", id="brackets without end"),
    ],
)
def test_a_file_that_is_no_toml_is_one_fault(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "tidegate.toml"
    file.write_bytes(content)
    with pytest.raises(BadConfiguration) as refused:
        load(file, {})
    [fault] = refused.value.faults
    assert (fault.path, fault.problem[:40]) == (str(file), problem[:40])


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param("nowhere.toml", "No such file or directory", id="no such file"),
        pytest.param(".", "Is a directory", id="a directory"),
    ],
)
def test_a_file_that_cannot_be_opened_is_one_fault(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        load(tmp_path / name, {})
    assert refused.value.faults[0].problem == f"the file cannot be read: {problem}"


def test_a_byte_order_mark_means_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SAMPLE.encode())
    assert load(file, {}).server.workers == 1


def test_the_example_in_the_repository_is_good() -> None:
    assert load(EXAMPLE, {}).portfolios[0].id == "lucky-shrub"


def test_an_empty_file_is_told_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.toml"
    file.write_text("")
    with pytest.raises(BadConfiguration) as refused:
        load(file, {})
    assert [fault.path for fault in refused.value.faults] == ["webhook", "privacy", "portfolio"]
