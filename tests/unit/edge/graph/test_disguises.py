"""No field of a body makes one request another, however it is written and wherever it is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph.disguises import PartNames, refuse_disguised_json

TYPE = "multipart/form-data; boundary=b-1"


def part(disposition: str, content: bytes = b"x", newline: bytes = b"\r\n") -> bytes:
    head = f"Content-Disposition: form-data; {disposition}".encode()
    return b"--b-1" + newline + head + newline + newline + content + newline


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b-1--\r\n"


def feed(raw: bytes, step: int) -> None:
    """Look at a body in pieces of this size."""
    look = PartNames(TYPE)
    for begin in range(0, len(raw), step):
        look(raw[begin : begin + step])


GOOD = body(
    part('name="messaging_product"'), part('name="file"; filename="a.png"', b"\x00--b\r\n" * 50), part("name=type")
)


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_a_form_of_harmless_parts_passes_however_it_is_cut(step: int) -> None:
    feed(GOOD, step)


@pytest.mark.parametrize("step", [1, 5, 10_000])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(part('name="method"'), id="a method"),
        pytest.param(part("name=batch"), id="calls, without quotes"),
        pytest.param(part("NAME = 'ids'"), id="ids, in single quotes"),
        pytest.param(part('filename="x"; name="METHOD"'), id="a method after a file's name"),
        pytest.param(part("name*=utf-8''m%65thod"), id="a method, escaped"),
        pytest.param(part('name="met\\\\hod"'), id="a method with a backslash"),
        pytest.param(part('name="batch[0]"'), id="calls as a list"),
        pytest.param(part('name="access.token"'), id="a key, as PHP spells it"),
        pytest.param(part('name="access_token"'), id="a key"),
        pytest.param(part('name="method"', newline=b"\n"), id="a method, with bare line ends"),
        pytest.param(part('name="a"\r\nX: y;\r\n name="method"'), id="a method in another header"),
        pytest.param(b"--b-1 \t\r\n" + part('name="method"')[7:], id="a method after a padded boundary"),
        pytest.param(b"--b-1--\r\n" + part('name="method"'), id="a method behind the end"),
        pytest.param(b"--b-1\r\nX: y\r\n" + part('name="method"'), id="a method in a head that does not end"),
    ],
)
def test_a_part_that_makes_it_another_request_is_refused(bad: bytes, step: int) -> None:
    with pytest.raises(Denial) as refused:
        feed(body(part('name="file"; filename="a"', b"y" * 100), bad), step)
    assert refused.value.kind is Kind.BAD_REQUEST


class Counted(bytes):
    """Bytes that tell how much is copied out of them, whatever they were put behind."""

    copied = 0

    def __radd__(self, before: bytes) -> Counted:
        return Counted(bytes(before) + bytes(self))

    def __getitem__(self, wanted: Any) -> Any:
        got = bytes(self)[wanted]
        Counted.copied += len(got)
        return Counted(got)


@pytest.mark.parametrize("unit", [b"--b-1", b"--b-1--", b"--b-1\r\n\r\n"])
def test_a_body_of_delimiters_is_looked_at_once(unit: bytes) -> None:
    chunk = Counted(unit * 1000)
    look = PartNames(TYPE)
    Counted.copied = 0

    look(chunk)

    assert Counted.copied <= len(chunk)


def test_a_head_without_an_end_is_refused() -> None:
    with pytest.raises(Denial):
        PartNames(TYPE)(b"--b-1\r\n" + b"x" * 20_000)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=a; boundary=b",
        # PHP reads the first of these as "a", and the second as one that begins with a space.
        "multipart/form-data; boundaryx=a; boundary=b",
        'multipart/form-data; boundary= "b"',
    ],
)
def test_without_one_boundary_nobody_can_tell(content_type: str) -> None:
    with pytest.raises(Denial):
        PartNames(content_type)


def test_a_quoted_boundary_is_the_same() -> None:
    look = PartNames('multipart/form-data; charset=utf-8; Boundary="b-1"')
    with pytest.raises(Denial):
        look(body(part('name="method"')))


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_no_bytes_make_it_fail_and_it_holds_little(chunks: list[bytes]) -> None:
    look = PartNames(TYPE)
    for chunk in chunks:
        look(chunk)
    assert len(look._held) <= 40 * 6


@pytest.mark.parametrize(
    "name", ["method", "batch", "ids", "METHOD", "access_token", "access.token", "appsecret_proof"]
)
def test_a_json_body_with_such_a_field_is_refused(name: str) -> None:
    with pytest.raises(Denial):
        refuse_disguised_json(json.dumps({"a": 1, name: "x"}).encode())


@pytest.mark.parametrize("document", [{"name": "a&method"}, {"é": 1}, {"a&b": {"method": 1}}, [{"method": 1}], 5])
def test_any_other_json_passes(document: object) -> None:
    refuse_disguised_json(json.dumps(document).encode())
