"""One node for all bad inputs: what one of them breaks, the next one shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.badinput.stage import Stage, a_stage


@pytest.fixture(scope="session")
def shared_stage() -> Iterator[Stage]:
    with a_stage() as made:
        yield made


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """The node, which is healthy after each test too."""
    shared_stage.left()
    yield shared_stage
    shared_stage.left()
    shared_stage.check_health()
