"""A message's record, read whatever of it is packed."""

from __future__ import annotations

import struct

import pytest

from tidegate.store.message_record import spread

WHO = b"\nabc def 12345 \xff"
SENT = WHO + struct.pack("<dddc", 5, 0, 0, b"-") + b'1\x00106\x00{"app":"a"}'
KNOWN = {
    b"state": b"sending",
    b"recipient": WHO,
    b"attempt": b"1",
    b"number": b"106",
    b"place": b"",
    b"at": b"5",
    b"window": b"0",
    b"tallies": b"",
    b"about": b'{"app":"a"}',
    b"history": b"5 sending\n",
}
TAKEN = {b"state": b"accepted", b"answered": b"1", b"history": b"5 sending\n9 accepted Meta took it\n"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {}, id="of no message nothing is known"),
        pytest.param({b"state": b"queued"}, {b"state": b"queued"}, id="fields of its own are as they are"),
        pytest.param(SENT, KNOWN, id="what is under way is known by what is packed"),
        pytest.param(
            WHO + struct.pack("<dddc", 5, 7, 12, b"1") + b"2\x00106\x00spend 1\nx 2\n{}",
            KNOWN
            | {
                b"attempt": b"2",
                b"place": b"1",
                b"window": b"7",
                b"tallies": b"spend 1\nx 2\n",
                b"about": b"{}",
            },
            id="tallies end where they say",
        ),
        pytest.param(
            SENT + b"\nsent,read sd 9 Meta took it\nw|s",
            KNOWN | TAKEN | {b"wamid": b"w|s", b"outcomes": b"sent read", b"kpis": b"sd"},
            id="what Meta took has its id and what was counted of it",
        ),
        pytest.param(SENT + b"\n- - 9 Meta took it\n", KNOWN | TAKEN, id="it may have neither id nor counts"),
        pytest.param(
            {b"packed": SENT + b"\n- - 9 Meta took it\n", b"state": b"read", b"history": b"all"},
            KNOWN | TAKEN | {b"state": b"read", b"history": b"all"},
            id="what came later counts before what is packed",
        ),
        pytest.param(
            SENT + b"\nsent s 9 Meta took it\n\nread 1 sent,read sr 10 sent x\n12 read x\n",
            KNOWN
            | TAKEN
            | {
                b"state": b"read",
                b"history": TAKEN[b"history"] + b"10 sent x\n12 read x\n",
                b"counted": b"1",
                b"outcomes": b"sent read",
                b"kpis": b"sr",
            },
            id="what its statuses told comes after what Meta took",
        ),
        pytest.param(
            SENT + b"\n- - 9 Meta took it\n\nsent - - - 10 sent x\n",
            KNOWN | TAKEN | {b"state": b"sent", b"history": TAKEN[b"history"] + b"10 sent x\n"},
            id="they may have nothing to count",
        ),
    ],
)
def test_a_record_is_read_with_what_is_packed(fields: dict[bytes, bytes], expected: dict[bytes, bytes]) -> None:
    assert spread(fields) == expected
