"""What came back, as it is read."""

from __future__ import annotations

from tidegate.upstream import answer
from tidegate.upstream.answer import Answer
from tidegate.upstream.outcomes import Response


def test_names_of_headers_that_never_end_are_not_kept_for_ever() -> None:
    for number in range(1_000):
        name = b"X-%d" % number
        read = Answer(200, [(name, b"y")], [b"{}"], keep=True).read()
        assert read == Response(200, {name.decode(): "y"}, b"{}")
    assert len(answer._names) <= 256
