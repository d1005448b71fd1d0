"""Where the store's many faults become one: `StoreUnavailable`."""

from __future__ import annotations

import re
from types import TracebackType
from typing import TypeVar

from redis.exceptions import (
    ClusterError,
    DataError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.store.pulse import NoConnection

E = TypeVar("E", bound=BaseException)

# Faults that are the store's by their class alone. DataError (an argument that can't be encoded) and an
# ordinary ResponseError (wrong arity, WRONGTYPE, a script that broke) are not here: they are our own bugs and
# must look like bugs.
_IN_TROUBLE: tuple[type[Exception], ...] = (
    RedisConnectionError,  # refused, reset, no free connection, LOADING, NOAUTH, max number of clients
    RedisTimeoutError,
    InvalidResponse,
    OutOfMemoryError,
    ReadOnlyError,
    NoPermissionError,
    TryAgainError,
    ClusterError,
    RedisClusterException,  # not a RedisError
    OSError,  # also the builtin TimeoutError, and TLS errors
)

# Error codes of a server in trouble that the client library has no class for.
_TROUBLE_CODES = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOAUTH",
        "NOGOODSLAVE",
        "NOMASTERLINK",
        "NOPERM",
        "NOREPLICAS",
        "NOREPLICASTOWRITE",
        "OOM",
        "READONLY",
        "TRYAGAIN",
        "UNBLOCKED",
        "UNKILLABLE",
        "WRONGPASS",
    }
)

# Servers before Redis 7 wrap what broke in a script: "ERR Error running script (f_1): ... -OOM ...".
_WRAPPED_CODE = re.compile(r"^(?:ERR )?Error running script .*?-([A-Z]+) ", re.ASCII | re.DOTALL)
_CODE = re.compile(r"^-?([A-Z]+)\b", re.ASCII)


class StoreFaults:
    """A context in which every fault of the store is raised as `StoreUnavailable`; the original is its cause.

    Has no state, so one instance serves all tasks at once. A plain `with` around an `await` is enough, and
    costs less than an `async with`:

        with store_faults:
            await client.get(key)

    A cancelled task stays cancelled, and a bug of ours (an argument that can't be encoded, a script that
    broke) stays what it is. The message names the kind of fault and never repeats what was sent.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        raised = as_raised(error)
        if raised is not error:
            raise raised from error


store_faults = StoreFaults()


def as_raised(error: E) -> E | StoreUnavailable:
    """What is raised for an error: `StoreUnavailable`, of which it is the cause, or the error itself."""
    trouble = trouble_of(error)
    if trouble is None:
        return error
    kind = StoreNotAsked if isinstance(error, NoConnection) else StoreUnavailable
    raised = kind(f"the store is unavailable: {trouble}")
    raised.__cause__ = error
    return raised


def trouble_of(error: BaseException) -> str | None:
    """Name the store's trouble in a few words that hold nothing secret; None if `error` is no fault of it."""
    if isinstance(error, DataError):
        return None
    code = _code_of(error) if isinstance(error, RedisError) else None
    if isinstance(error, _IN_TROUBLE):
        return f"{type(error).__name__} ({code})" if code else type(error).__name__
    if isinstance(error, ResponseError) and code:
        return code
    return None


def _code_of(error: RedisError) -> str | None:
    text = str(error)
    found = _WRAPPED_CODE.match(text) or _CODE.match(text)
    code = found[1] if found else None
    return code if code in _TROUBLE_CODES else None
