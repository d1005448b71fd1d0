"""A key opens what its app may do, and nothing tells of keys that are none."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, SupportsIndex

import pytest
from aiohttp.test_utils import make_mocked_request
from fakeredis import FakeAsyncRedis, FakeServer

from tests.factories import PORTFOLIO
from tidegate import keys_in_force
from tidegate.clock import StoreClock
from tidegate.edge.denials import Denial, Kind, graph_reply
from tidegate.edge.door import lockout
from tidegate.edge.door.keyring import Keyring, bearer, require
from tidegate.edge.door.lockout import FAILURES
from tidegate.keys_in_force import KeysInForce
from tidegate.metrics import Metrics
from tidegate.policy.standing import Standing
from tidegate.settings.app_keys import hash_key, new_key
from tidegate.settings.tables import App, Scope, Server
from tidegate.store.key_uses import KeyUses
from tidegate.store.standings import Standings

OURS, OTHERS, UNNAMED = new_key("prod"), new_key("dev"), new_key()
KEYS = ("tg_old", "tg_new", OURS, OTHERS, UNNAMED)
APP = App(name="checkout", key_sha256=tuple(hash_key(key) for key in KEYS), scopes=(Scope.READ,))
REQUEST = make_mocked_request("GET", "/")


def a_keyring(environment: str | None = None) -> Keyring:
    client, clock = FakeAsyncRedis(server=FakeServer()), StoreClock()
    standings = Standings(client, [Standing(PORTFOLIO, 0, 2_000, "config")])
    keys = KeysInForce([APP], standings, KeyUses(client, PORTFOLIO), clock)
    return Keyring(keys, Server(environment=environment), clock, Metrics())


@pytest.mark.parametrize("key", KEYS, ids=["an old one", "a new one", "of prod", "of dev", "of none"])
async def test_each_of_an_apps_keys_is_its(key):
    assert await a_keyring().app(REQUEST, key) is APP


@pytest.mark.parametrize("key", [None, "", "tg_ol", hash_key("tg_old"), "x" * 100_000, "tg_old" + "x" * 600, "\ud800"])
async def test_any_other_is_nobodys(key):
    with pytest.raises(Denial) as refused:
        await a_keyring().app(REQUEST, key)
    assert (refused.value.kind, refused.value.detail) == (
        Kind.UNAUTHENTICATED,
        "no key, or one that is not known here, was given",
    )


@pytest.mark.parametrize("key", [OURS, UNNAMED], ids=["of prod", "of none"])
async def test_a_key_of_this_environment_or_of_none_is_taken(key):
    assert await a_keyring("prod").app(REQUEST, key) is APP


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(OTHERS, id="one that an app here has"),
        pytest.param(new_key("dev"), id="one that no app has"),
    ],
)
async def test_a_key_of_another_environment_is_refused_by_its_text_alone(key):
    with pytest.raises(Denial) as refused:
        await a_keyring("prod").app(REQUEST, key)
    assert refused.value.kind is Kind.UNAUTHENTICATED
    assert refused.value.detail == "the key is one of the environment dev, and this is prod"


async def test_a_guesser_is_locked_out_and_a_good_key_is_not():
    keyring = a_keyring()
    for i in range(FAILURES):
        with pytest.raises(Denial):
            await keyring.app(REQUEST, f"tg_{i}")
    with pytest.raises(Denial) as refused:
        await keyring.app(REQUEST, "tg_another")
    assert (refused.value.kind, refused.value.detail, refused.value.headers["Retry-After"]) == (
        Kind.LOCKED_OUT,
        "too many keys that are not known here came from this address",
        "30",
    )
    # Of which nothing was heard before: behind one address there may be a whole company, or a proxy.
    assert await keyring.app(REQUEST, "tg_new") is APP


async def test_nobody_is_told_to_wait_for_longer_than_half_a_minute(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lockout, "FIRST_MS", 300_000)
    keyring = a_keyring()
    for i in range(FAILURES):
        with pytest.raises(Denial):
            await keyring.app(REQUEST, f"tg_{i}")
    with pytest.raises(Denial) as refused:
        await keyring.app(REQUEST, "tg_another")
    assert refused.value.headers["Retry-After"] == "30"


class Unlike(str):
    """A key that nothing may be compared with, nor look up."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise AssertionError("the key itself was compared")

    def __ne__(self, other: object) -> bool:
        raise AssertionError("the key itself was compared")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__  # type: ignore[assignment]  # none of them is to be asked

    def __hash__(self) -> int:
        raise AssertionError("the key itself was looked up")

    def __getitem__(self, part: SupportsIndex | slice) -> Unlike:
        return Unlike(str.__getitem__(self, part))


def near_and_far(key: str) -> list[str]:
    """Keys of nobody: of every length that it shares its beginning, or its end, with a good one, and of every shape."""
    changed = [key[:i] + ("x" if key[i] != "x" else "y") + key[i + 1 :] for i in range(len(key))]
    cut = [key[:i] for i in range(1, len(key))]
    return [*changed, *cut, key + "x", key.upper(), hash_key(key), new_key(), "x", "\u00e9" * 40, "\ud800"]


async def test_a_wrong_key_takes_the_same_steps_to_the_same_answer_however_near_it_comes(
    monkeypatch: pytest.MonkeyPatch,
):
    for module, name in ((lockout, "FAILURES"), (lockout, "SAME_FAILURES"), (keys_in_force, "LEASE_MS")):
        monkeypatch.setattr(module, name, sys.maxsize)
    keyring = a_keyring()
    steps: list[tuple[str, int]] = []

    def note(frame: FrameType, event: str, _argument: object) -> Any:
        if "tidegate" not in frame.f_code.co_filename:
            return None
        if event == "line":
            steps.append((frame.f_code.co_filename, frame.f_lineno))
        return note

    async def refused(key: str) -> tuple[tuple[tuple[str, int], ...], bytes]:
        steps.clear()
        before = sys.gettrace()
        sys.settrace(note)
        try:
            await keyring.app(REQUEST, Unlike(key))
        except Denial as denial:
            answer = graph_reply(denial, "request").body
        finally:
            sys.settrace(before)
        return tuple(steps), answer

    # What is kept of the peer, and the first look at the keys, are no wrong key's own.
    await refused("the first one")
    seen = {await refused(key) for key in near_and_far(OURS)}

    assert len(seen) == 1
    assert len(steps) > 10


async def test_no_key_is_no_guess():
    keyring = a_keyring()
    for _ in range(2 * FAILURES):
        with pytest.raises(Denial):
            await keyring.app(REQUEST, None)
    assert await keyring.app(REQUEST, "tg_new") is APP


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["Bearer k"], "k"),
        (["bearer  k "], "k"),
        (["OAuth k"], "k"),
        (["Basic k"], None),
        (["Bearer"], None),
        (["Bearer "], None),
        ([], None),
        (["Bearer a", "Bearer b"], None),
    ],
)
def test_a_bearer_is_one_key(values, key):
    assert bearer(values) == key


def test_one_of_the_scopes_is_enough_and_none_is_not():
    require(APP)
    require(APP, Scope.SEND, Scope.READ)
    with pytest.raises(Denial) as refused:
        require(APP, Scope.ADMIN, Scope.SEND)
    assert refused.value.kind is Kind.FORBIDDEN
