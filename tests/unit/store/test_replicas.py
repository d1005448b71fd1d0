"""What is made of what a primary and its replicas say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.store.replicas import that_understand

PRIMARY = {"role": "master", "master_replid": "a1", "connected_slaves": 1}
REPLICA = {"role": "slave", "master_replid": "a1", "connected_slaves": 0, "valkey_version": "9.1.0"}


def test_replicas_that_are_as_new_as_need_be_are_counted() -> None:
    assert that_understand(PRIMARY, [REPLICA]) == 1
    assert that_understand(PRIMARY | {"connected_slaves": 2}, [REPLICA, REPLICA | {"valkey_version": "10.0.1"}]) == 2


def test_where_none_follows_none_is_counted() -> None:
    assert that_understand(PRIMARY | {"connected_slaves": 0}, []) == 0


@pytest.mark.parametrize("older", [{"valkey_version": "9.0.9"}, {"valkey_version": "8.1.4"}, {"valkey_version": ""}])
@pytest.mark.parametrize("other", [REPLICA, None])
def test_one_that_is_older_decides(older: dict[str, Any], other: dict[str, Any] | None) -> None:
    assert that_understand(PRIMARY | {"connected_slaves": 2}, [other, REPLICA | older]) == 0


def test_a_redis_does_not_understand_a_valkey() -> None:
    redis = {name: value for name, value in REPLICA.items() if name != "valkey_version"} | {"redis_version": "9.9.0"}
    assert that_understand(PRIMARY, [redis]) == 0


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(None, id="could not be asked"),
        pytest.param(REPLICA | {"master_replid": "b2"}, id="follows another primary"),
        pytest.param(REPLICA | {"role": "master"}, id="follows nobody"),
        pytest.param(REPLICA | {"connected_slaves": 1}, id="is followed itself"),
    ],
)
def test_of_one_like_this_nothing_is_known(one: dict[str, Any] | None) -> None:
    assert that_understand(PRIMARY, [one]) is None
    assert that_understand(PRIMARY | {"connected_slaves": 2}, [REPLICA, one]) is None


def test_one_that_the_primary_did_not_name_is_not_known() -> None:
    assert that_understand(PRIMARY | {"connected_slaves": 2}, [REPLICA]) is None


def test_what_is_no_primary_any_more_has_none() -> None:
    assert that_understand(PRIMARY | {"role": "slave"}, [REPLICA]) is None
