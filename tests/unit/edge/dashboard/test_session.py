"""A session's cookie names a key without holding it, and is believed only as it was made, until it is over."""

from __future__ import annotations

import pytest

from tidegate.edge.dashboard.session import LASTING_MS, Session, Sessions
from tidegate.settings.app_keys import hash_key

NOW_MS = 1_800_000_000_000
KEY_HASH = hash_key("tg_reader")
OF_THE_HOUSE, OF_ANOTHER = Sessions(b"i" * 32), Sessions(b"j" * 32)


def altered(cookie: str) -> str:
    return ("B" if cookie[0] == "A" else "A") + cookie[1:]


def test_another_node_reads_what_one_has_made():
    session = Sessions(b"i" * 32).read(OF_THE_HOUSE.begin(KEY_HASH, NOW_MS), NOW_MS)
    assert session is not None
    assert (session.key_hash, session.ends_at_ms) == (KEY_HASH, NOW_MS + LASTING_MS)


@pytest.mark.parametrize(
    ("cookie", "at_ms"),
    [
        pytest.param(OF_THE_HOUSE.begin(KEY_HASH, NOW_MS), NOW_MS + LASTING_MS, id="one that is over"),
        pytest.param(OF_ANOTHER.begin(KEY_HASH, NOW_MS), NOW_MS, id="one of another gateway"),
        pytest.param(altered(OF_THE_HOUSE.begin(KEY_HASH, NOW_MS)), NOW_MS, id="one that was altered"),
        pytest.param("", NOW_MS, id="an empty one"),
        pytest.param("A" * 8, NOW_MS, id="a short one"),
        pytest.param("A" * 1000, NOW_MS, id="a long one"),
        pytest.param("not base64 é", NOW_MS, id="what is no base64"),
        pytest.param(KEY_HASH, NOW_MS, id="the hash of a key by itself"),
    ],
)
def test_no_session_comes_of(cookie: str, at_ms: int):
    assert OF_THE_HOUSE.read(cookie, at_ms) is None


def test_two_sessions_of_a_key_do_not_share_a_token_nor_tell_it():
    cookies = [OF_THE_HOUSE.begin(KEY_HASH, NOW_MS) for _ in range(2)]
    first, second = [OF_THE_HOUSE.read(cookie, NOW_MS) for cookie in cookies]
    assert first is not None
    assert second is not None
    assert first.is_its_token(first.token)
    assert not first.is_its_token(second.token)
    assert not first.is_its_token("")
    assert KEY_HASH not in repr(first)
    assert first.token not in repr(first)
    assert isinstance(first, Session)
