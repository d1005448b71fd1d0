"""What is the store's fault becomes one exception; what is ours, or nobody's, stays what it is."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from redis import exceptions as redis_exceptions

from tidegate.errors import StoreUnavailable
from tidegate.store.faults import store_faults

SECRET = "15550001111"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(redis_exceptions.ConnectionError(f"Connection to {SECRET} lost"), id="connection lost"),
        pytest.param(redis_exceptions.TimeoutError(f"Timeout reading {SECRET}"), id="no answer in time"),
        pytest.param(redis_exceptions.BusyLoadingError(SECRET), id="loading its data"),
        pytest.param(redis_exceptions.AuthenticationError(SECRET), id="our password is wrong"),
        pytest.param(redis_exceptions.MaxConnectionsError(SECRET), id="no connection left in the pool"),
        pytest.param(redis_exceptions.InvalidResponse(SECRET), id="it speaks another protocol"),
        pytest.param(redis_exceptions.OutOfMemoryError(SECRET), id="full"),
        pytest.param(redis_exceptions.ReadOnlyError(SECRET), id="a replica"),
        pytest.param(redis_exceptions.NoPermissionError(SECRET), id="we may not"),
        pytest.param(redis_exceptions.ClusterDownError(SECRET), id="cluster down"),
        pytest.param(redis_exceptions.ClusterError("TTL exhausted."), id="sent round in circles"),
        pytest.param(redis_exceptions.TryAgainError(SECRET), id="a slot on the move"),
        pytest.param(redis_exceptions.SlotNotCoveredError(SECRET), id="nobody has the slot"),
        pytest.param(redis_exceptions.RedisClusterException(SECRET), id="no node of the cluster answers"),
        pytest.param(redis_exceptions.ResponseError("BUSY Redis is busy running a script."), id="busy"),
        pytest.param(redis_exceptions.ResponseError(f"MISCONF Errors writing {SECRET}"), id="disk full"),
        pytest.param(redis_exceptions.ResponseError("NOREPLICAS Not enough good replicas"), id="no replicas"),
        pytest.param(redis_exceptions.ResponseError("UNKILLABLE Sorry"), id="a script that can't be killed"),
        pytest.param(
            redis_exceptions.ResponseError(
                "Error running script (call to f_0a): @user_script:1: -OOM command not allowed when"
            ),
            id="full, as said from within a script by a server before 7",
        ),
        pytest.param(ConnectionRefusedError(111, SECRET), id="refused by the system"),
        pytest.param(TimeoutError(SECRET), id="the builtin timeout"),
        pytest.param(ssl.SSLError(1, SECRET), id="TLS"),
    ],
)
def test_the_faults_of_a_store_become_one(error: Exception) -> None:
    with pytest.raises(StoreUnavailable) as raised, store_faults:
        raise error

    assert raised.value.__cause__ is error
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(redis_exceptions.DataError("Invalid input of type: 'NoneType'"), id="an argument of no use"),
        pytest.param(redis_exceptions.ResponseError("wrong number of arguments for 'get'"), id="arity"),
        pytest.param(redis_exceptions.ResponseError("WRONGTYPE Operation against a key"), id="wrong type"),
        pytest.param(redis_exceptions.ResponseError("user_script:3: attempt to index nil"), id="a broken script"),
        pytest.param(redis_exceptions.NoScriptError("No matching script."), id="an unknown script"),
        pytest.param(redis_exceptions.ResponseError("BUSYKEY Target key name already exists."), id="BUSYKEY"),
        pytest.param(ValueError("x"), id="a bug"),
        pytest.param(asyncio.CancelledError(), id="cancelled"),
    ],
)
def test_what_is_not_the_stores_fault_stays_what_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, store_faults:
        raise error

    assert raised.value is error


def test_nothing_happens_when_nothing_does() -> None:
    with store_faults:
        reached = True

    assert reached
