"""Recorded bodies, in the shapes of Meta's pages; ids, names and numbers are invented."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def recorded() -> Callable[[str], Any]:
    """Reads a recorded body by its name, as parsed JSON."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_bytes())


@pytest.fixture
def recorded_bytes() -> Callable[[str], bytes]:
    """Reads a recorded body by its name, as it came."""
    return lambda name: (FIXTURES / f"{name}.json").read_bytes()
