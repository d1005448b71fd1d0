"""What the table says of a client library is not said by itself: whatever is otherwise is seen."""

from __future__ import annotations

import pytest

from tests.clients.asking import Language, Library, Told
from tests.clients.cases import Case
from tests.clients.cells import WAITS, WORKS, Cell, Done, Lacks, Outcome, Wrong, breaks, deviation, raises, returns
from tests.clients.run import Line
from tests.clients.table import deviations, plain

REFUSED = Told("raised", "ApiError", 131047, "(#131047) Re-engagement message")
NONE = Lacks("it has no such call")


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        pytest.param(WORKS, Done.WORKS, id="it works"),
        pytest.param(WAITS, Done.WAITED, id="it waits and then works"),
        pytest.param(raises("ApiError", 131047), REFUSED, id="it raises with the code, whatever the words are"),
        pytest.param(breaks("ApiError", "its own", 131047), REFUSED, id="its own fault shows"),
        pytest.param(NONE, None, id="it has no such call"),
    ],
)
def test_what_is_as_expected_is_no_deviation(cell: Cell, outcome: Outcome | None) -> None:
    assert deviation(cell, outcome) is None


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        pytest.param(WORKS, None, id="a case that did not run"),
        pytest.param(WORKS, REFUSED, id="a refusal instead of a success"),
        pytest.param(WORKS, Wrong("the caller has other bytes"), id="a success that is none"),
        pytest.param(WORKS, Done.WAITED, id="a wait that nobody expected"),
        pytest.param(WAITS, Done.WORKS, id="no wait where one is expected"),
        pytest.param(raises("ApiError", 131048), REFUSED, id="another code"),
        pytest.param(raises("ApiError"), REFUSED, id="a code where none is expected"),
        pytest.param(raises("OtherError", 131047), REFUSED, id="another kind of exception"),
        pytest.param(returns("ApiError", 131047), REFUSED, id="an exception instead of a returned error"),
        pytest.param(breaks("ApiError", "its own"), Done.WORKS, id="a fault of its own that is gone"),
        pytest.param(NONE, Done.WORKS, id="a call that it is said not to have"),
    ],
)
def test_whatever_is_otherwise_is_a_deviation(cell: Cell, outcome: Outcome | None) -> None:
    assert deviation(cell, outcome) is not None


def test_a_deviation_stands_in_the_table_and_below_it() -> None:
    library = Library("some-client", "1.0", Language.PYTHON, "some_client")
    rows = {library: dict.fromkeys(Case, WORKS)}
    lines = {library: Line("1.1", dict.fromkeys(Case, Done.WORKS) | {Case.QUEUED: Wrong("it was sent")})}
    assert plain(rows, lines).count("NOT SO") == 1
    assert deviations(rows, lines) == [
        "some-client: expected: version 1.0; was: 1.1",
        "some-client, queued: expected: works; was: WRONG: it was sent",
    ]
