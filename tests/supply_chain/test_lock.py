"""What runs in production is pinned to the hash, complete, nothing more, and not known to be broken."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).parents[2]
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked package."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> str:
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return specifier.version

    @property
    def is_for_here(self) -> bool:
        """Whether it is installed on this machine."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read_lock() -> dict[str, Pin]:
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    pins = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        named, *hashes = line.split(" --hash=")
        requirement = Requirement(named.strip())
        pins[canonicalize_name(requirement.name)] = Pin(requirement, tuple(f"--hash={text.strip()}" for text in hashes))
    return pins


def floors() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "advisories.toml").read_text())


LOCK: Final = read_lock()
DIRECT: Final = [
    Requirement(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
]


def needed_by(requirement: Requirement) -> list[Requirement]:
    """What an installed package needs on this machine, with the extras that were asked for."""
    found = []
    for line in requires(requirement.name) or ():
        wanted = Requirement(line)
        extras = requirement.extras or {""}
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            found.append(wanted)
    return found


def closure() -> set[str]:
    """Every package that is needed on this machine, by what the installed ones say of themselves."""
    seen: set[str] = set()
    ahead = list(DIRECT)
    while ahead:
        requirement = ahead.pop()
        name = canonicalize_name(requirement.name)
        if name not in seen or requirement.extras:
            seen.add(name)
            ahead += needed_by(requirement)
    return seen


def test_every_dependency_is_locked_to_a_version_that_pyproject_allows() -> None:
    for requirement in DIRECT:
        pin = LOCK[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.version), requirement.name


def test_every_package_is_pinned_by_hashes_of_wheels() -> None:
    assert len(LOCK) > len(DIRECT)
    for name, pin in LOCK.items():
        assert pin.hashes, name
        assert all(_HASH.fullmatch(text) for text in pin.hashes), name


def test_the_lock_has_all_that_is_needed_here_and_nothing_else() -> None:
    locked = {name for name, pin in LOCK.items() if pin.is_for_here}

    assert locked == closure()


@pytest.mark.parametrize("name", sorted(floors()))
def test_no_version_is_one_that_an_advisory_is_about(name: str) -> None:
    lowest = Version(str(floors()[name]["lowest"]))

    assert Version(LOCK[canonicalize_name(name)].version) >= lowest
    assert Version(version(name)) >= lowest


def test_every_floor_names_its_advisories() -> None:
    for name, floor in floors().items():
        assert floor["advisories"], name
        assert all(re.fullmatch("(CVE-[0-9]{4}-[0-9]{4,}|GHSA(-[0-9a-z]{4}){3})", one) for one in floor["advisories"])


def test_what_is_not_installed_is_not_locked_for_here() -> None:
    for name, pin in LOCK.items():
        try:
            version(name)
        except PackageNotFoundError:
            assert not pin.is_for_here, name


def test_the_image_installs_what_is_locked_and_nothing_else() -> None:
    image = (ROOT / "Dockerfile").read_text()

    assert "--require-hashes --only-binary :all:" in image
    assert "--no-deps" in image
