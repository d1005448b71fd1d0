"""What of headers goes on, and what stays."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from tidegate.edge.graph.way_headers import for_caller, for_graph, takes_gzip


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


def test_a_request_goes_on_with_metas_token_and_without_what_is_of_its_connection() -> None:
    given = headers(
        ("Authorization", "Bearer tg_key"),
        ("Connection", "X-One"),
        ("connection", "keep-alive, x-two"),
        ("X-One", "1"),
        ("X-TWO", "2"),
        ("Tidegate-Hold", "queue"),
        ("Accept-Encoding", "br"),
        ("file_offset", "0"),
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("Content-Length", "3"),
    )

    assert sorted(for_graph(given, "EAAG", keeps_length=True).items()) == [
        ("Accept-Encoding", "identity"),
        ("Authorization", "Bearer EAAG"),
        ("Content-Length", "3"),
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("file_offset", "0"),
    ]
    assert "Content-Length" not in for_graph(given, "EAAG", keeps_length=False)


def test_a_callers_own_token_goes_on_as_it_came_or_not_at_all() -> None:
    assert for_graph(headers(("authorization", "OAuth EAAG")), None, keeps_length=True)["Authorization"] == "OAuth EAAG"
    assert "Authorization" not in for_graph(headers(), None, keeps_length=True)


def test_an_answer_comes_without_cookies_and_keeps_its_length_unless_it_was_unpacked() -> None:
    kept = [("Content-Length", "3"), ("X-App-Usage", "{}"), ("Retry-After", "1")]
    dropped = [("Set-Cookie", "a=b"), ("Trailer", "X"), ("Connection", "x-hop"), ("X-Hop", "1"), ("Server", "proxygen")]

    assert for_caller(headers(*kept, *dropped)) == kept
    assert for_caller(headers(*kept, ("Content-Encoding", "gzip"))) == kept[1:]


@pytest.mark.parametrize(
    ("wish", "taken"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.1", True),
        ("gzip; q=0", False),
        ("gzip;q=0.000", False),
        ("x-gzip", False),
        ("", False),
    ],
)
def test_gzip_is_taken_by_whoever_says_so(wish: str, taken: bool) -> None:
    assert takes_gzip(headers(("Accept-Encoding", wish))) is taken
