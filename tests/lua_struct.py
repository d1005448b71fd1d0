"""What fakeredis lacks of a server's Lua: the libraries `struct` and `cmsgpack`, as far as the scripts use them."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from fakeredis.commands_mixins.scripting_mixin import ScriptingCommandsMixin


def unpack(form: bytes, text: bytes, at: float = 1) -> tuple[float | bytes, ...]:
    """The values of a form of `<`, `B`, `d`, `s` (up to a zero), or of `>` and `I4`; where what follows begins."""
    begin, values = int(at) - 1, []
    if form.startswith(b">"):
        words = form.decode().replace("I4", "I")
        return *struct.unpack_from(words, text, begin), begin + struct.calcsize(words) + 1
    for kind in form.decode().removeprefix("<"):
        if kind == "s":
            end = text.index(b"\0", begin)
            values.append(text[begin:end])
            begin = end + 1
        else:
            values += struct.unpack_from(f"<{kind}", text, begin)
            begin += struct.calcsize(f"<{kind}")
    return *values, begin + 1


def pack(form: bytes, *values: Any) -> bytes:
    """A text of these values, from which `unpack` reads them."""
    parts = zip(form.decode().removeprefix("<"), values, strict=True)
    return b"".join(value + b"\0" if kind == "s" else _number(kind, value) for kind, value in parts)


def _number(kind: str, value: float) -> bytes:
    return struct.pack(f"<{kind}", int(value) if kind == "B" else value)


def _packed(numbers: Any) -> bytes:
    """A table of numbers, by name."""
    return msgspec.msgpack.encode({name.decode(): number for name, number in numbers.items()})


def _numbers(text: bytes) -> dict[bytes, float]:
    return {name.encode(): number for name, number in msgspec.msgpack.decode(text, type=dict[str, float]).items()}


def install() -> None:
    """Let every fakeredis of this process have it."""
    make: Any = ScriptingCommandsMixin._get_server_runtime
    if make is _make:
        return
    _made.append(make)
    ScriptingCommandsMixin._get_server_runtime = _make  # type: ignore[method-assign]  # nothing is offered for it


_made: list[Any] = []


def _make(socket: Any, server: Any) -> Any:
    is_new = not hasattr(server, "_lua_runtime")
    runtime = _made[0](socket, server)
    if is_new:
        lua = runtime.globals()
        lua[b"struct"] = runtime.table_from({b"pack": pack, b"unpack": unpack})
        lua[b"cmsgpack"] = runtime.table_from(
            {b"pack": _packed, b"unpack": lambda text: runtime.table_from(_numbers(text))}
        )
        server._lua_expected_globals.update((b"struct", b"cmsgpack"))
    return runtime
