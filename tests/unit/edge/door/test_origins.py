"""The path prefix of a deployment is taken off whole segments, and nothing is decoded meanwhile."""

from __future__ import annotations

import pytest

from tidegate.edge.door.origins import as_url, without_prefix


@pytest.mark.parametrize(
    ("target", "inner"),
    [
        ("/wa/v25.0/1?x=%2F", "/v25.0/1?x=%2F"),
        ("/wa", "/"),
        ("/wa/", "/"),
        ("/wa?x=1", "/?x=1"),
        ("/wa//1", "//1"),
        ("/wax/1", None),
        ("/WA/1", None),
        ("/%77a/1", None),
        ("/v25.0/wa/1", None),
    ],
)
def test_the_prefix_is_taken_off(target: str, inner: str | None) -> None:
    assert without_prefix(target, "/wa") == inner


@pytest.mark.parametrize("target", ["/v25.0/1?fields=a%2Cb", "//evil.example/1", "/1/%2e%2e?a=?b", "/"])
def test_a_target_is_no_more_decoded_than_it_was(target: str) -> None:
    url = as_url(target)

    assert url.raw_path_qs == target
    assert url.host is None
