"""A key opens what its app may do, and nothing tells of keys that are none."""

from __future__ import annotations

import pytest

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.keyring import Keyring, bearer, require
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import App, Scope

OLD, NEW = hash_key("tg_old"), hash_key("tg_new")
APP = App(name="checkout", key_sha256=(OLD, NEW), scopes=(Scope.READ,))


@pytest.mark.parametrize("key", ["tg_old", "tg_new"])
def test_each_of_an_apps_keys_is_its(key):
    assert Keyring([APP]).app(key) is APP


@pytest.mark.parametrize("key", [None, "", "tg_ol", OLD, "x" * 100_000, "\ud800"])
def test_any_other_is_nobodys(key):
    with pytest.raises(Denial) as refused:
        Keyring([APP]).app(key)
    assert refused.value.kind is Kind.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["Bearer k"], "k"),
        (["bearer  k "], "k"),
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
