"""Campaigns on the control plane: ordered, given an audience, told, forgotten."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.factories import make_campaign, make_order
from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    ONCALL,
    OPERATOR,
    OTHER_NUMBER,
    READER,
    SENDER,
    STRANGER,
    Answer,
    Caller,
    Recorder,
    raw_exchange,
)
from tests.integration.edge.conftest import NodeMaker
from tidegate.cloudapi.recipients import RecipientKind
from tidegate.edge.control import audiences
from tidegate.edge.denials import Kind
from tidegate.edge.door.turnstile import Turnstile
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.store.audiences import Audiences, Chunk
from tidegate.store.campaigns import Audience, CampaignRecord
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

CAMPAIGNS = "/gateway/v1/campaigns"
CSV, NDJSON = "text/csv; charset=utf-8", "application/x-ndjson"
KEYS = PortfolioKeys("lucky-shrub")


async def ordered(bare: Caller, key: str = CHECKOUT, **changes: Any) -> str:
    got = await bare("POST", CAMPAIGNS, key, json=make_order(**changes))
    assert got.status == 201, got.raw
    return str(got.body["id"])


async def upload(bare: Caller, campaign: str, body: Any, kind: str = CSV, **headers: str) -> Answer:
    sent = {"Content-Type": kind} | headers
    return await bare("POST", f"{CAMPAIGNS}/{campaign}/audience", data=body, headers=sent)


async def test_an_order_is_taken_told_listed_and_forgotten(bare: Caller) -> None:
    steps = [{"share": 0.1, "gate": True}, {"share": 1}]
    rows = [{"to": "+1 650 555 1234", "first_name": "Ann"}, {"to": "16505551234", "first_name": "Ann"}, {"to": "12"}]
    order = make_order(steps=steps, schedule={"start_at": "9000-01-01T10:00:00+02:00"}, audience=rows)
    got = await bare("POST", CAMPAIGNS, json=order)
    # 90 days ahead is as far as one may go.
    assert (got.status, got.body["faults"][0]["path"]) == (422, "schedule.deadline")
    del order["schedule"]
    made = await bare("POST", CAMPAIGNS, json=order)
    assert made.status == 201, made.raw
    told = made.body
    assert made["Location"] == f"{CAMPAIGNS}/{told['id']}"
    assert told["upload"]["errors"] == [{"line": 3, "why": told["upload"]["errors"][0]["why"]}]
    assert sum(group["rows"] for group in told["upload"]["groups"]) == 1
    assert (told["state"], told["app"], told["numbers"], told["portfolio"]) == (
        "draft", "checkout", [NUMBER], "lucky-shrub"
    )  # fmt: skip
    assert {key: told["audience"][key] for key in ("rows", "duplicates", "rejected")} == {
        "rows": 1, "duplicates": 1, "rejected": 1
    }  # fmt: skip
    assert [(step["name"], step["share"], step["gate"] is None) for step in told["steps"]] == [
        ("step-1", 0.1, False), ("step-2", 1, True)
    ]  # fmt: skip
    assert sum(step["rows"] for step in told["steps"]) == 1
    assert told["variants"] == [{"name": "all", "share": 1, "control": False, "template": order["template"]}]
    read = await bare("GET", made["Location"] or "")
    assert read.body == {key: value for key, value in told.items() if key != "upload"}
    listed = await bare("GET", CAMPAIGNS)
    assert [(one["id"], one["state"], one["audience"]["rows"]) for one in listed.body["campaigns"]] == [
        (told["id"], "draft", 1)
    ]
    gone = await bare("DELETE", made["Location"] or "")
    assert (gone.status, gone.body) == (200, {"id": told["id"], "deleted": True})
    assert (await bare("GET", made["Location"] or "")).status == 404
    assert (await bare("GET", CAMPAIGNS)).body == {"campaigns": []}


BULKY = {"name": "bulky", "language": {"code": "en"}, "components": ["x" * 65_536]}
REFUSED_ORDERS: dict[str, tuple[dict[str, Any], int, bytes]] = {
    "a number that is not there": ({"numbers": ["99"]}, 404, b"no such number"),
    "a number of another app": ({"numbers": [OTHER_NUMBER]}, 404, b"no such number"),
    "no name": ({"name": None}, 422, b'"path":"name","problem":"required"'),
    "a slip in a key": ({"numbres": []}, 422, b'"nearest":"numbers"'),
    "a share of two": ({"steps": [{"share": 2}]}, 422, b'"path":"steps[0].share"'),
    "an audience that is no list": ({"audience": {}}, 400, b"audience"),
    "an order of more than 64 KiB": ({"template": BULKY}, 413, b"without its audience"),
    "an inline audience of 1,001": ({"audience": [{}] * 1001}, 400, b"are uploaded"),
}


async def test_an_order_that_is_not_taken_says_why(bare: Caller) -> None:
    for case, (order, status, says) in REFUSED_ORDERS.items():
        got = await bare("POST", CAMPAIGNS, json=make_order(**order))
        assert got.status == status, (case, got.raw)
        assert says in got.raw, case
    got = await bare("POST", CAMPAIGNS, OPERATOR, json=make_order(numbers=[NUMBER, OTHER_NUMBER]))
    assert (got.status, b"of one portfolio" in got.raw) == (400, True)
    assert (await bare("GET", CAMPAIGNS)).body == {"campaigns": []}


async def test_who_may_do_what(bare: Caller) -> None:
    own = await ordered(bare, SENDER)
    path = f"{CAMPAIGNS}/{own}"
    rows = {"data": b"to,first_name\n16505551234,Ann\n", "headers": {"Content-Type": CSV}}
    status = {
        (key, method, more): (await bare(method, path + more, key, **(rows if method == "POST" else {}))).status
        for key in (READER, ONCALL, STRANGER, OPERATOR, CHECKOUT)
        for method, more in (("GET", ""), ("GET", "/audience/errors"), ("POST", "/audience"))
    }
    # Who only reads is another app, and so is a stranger; an operator looks after the campaigns of its numbers.
    assert {key: code for key, code in status.items() if code != 200} == {
        (READER, "GET", ""): 404,
        (READER, "GET", "/audience/errors"): 404,
        (READER, "POST", "/audience"): 403,
        (ONCALL, "GET", ""): 403,
        (ONCALL, "GET", "/audience/errors"): 403,
        (ONCALL, "POST", "/audience"): 403,
        (STRANGER, "GET", ""): 404,
        (STRANGER, "GET", "/audience/errors"): 404,
        (STRANGER, "POST", "/audience"): 404,
    }
    assert (await bare("DELETE", path, STRANGER)).status == 404
    assert (await bare("DELETE", path, SENDER)).status == 200
    acts = [entry["act"] for entry in (await bare("GET", "/gateway/v1/audit?act=campaign")).body["entries"]]
    assert acts == ["campaign.delete", "campaign.upload", "campaign.upload", "campaign.create"]


async def test_an_operator_of_some_numbers_looks_after_campaigns_of_no_others(
    make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession
) -> None:
    node = await make_node(graph.url)
    call = Caller.of(node, session)
    now_ms = node.services.clock.now_ms()
    campaign = replace(make_campaign(numbers=[NUMBER, OTHER_NUMBER]), deadline_ms=now_ms + 86_400_000)
    assert await node.services.campaigns.create(replace(campaign, portfolio="lucky-shrub")) is not None
    seen = {key: (await call("GET", f"{CAMPAIGNS}/cmp-1", key)).status for key in (CHECKOUT, OPERATOR)}
    assert seen == {CHECKOUT: 404, OPERATOR: 200}
    assert (await call("GET", CAMPAIGNS)).body == {"campaigns": []}


ROWS = b"""to,first_name,more
+16505551234,Ann,x

16505559999,"Bob, ""2nd"" of two",x
+1 (650) 555-1234,Ann again,x
12,Cid,x
16505550000,,x
16505550001,Dan
"""
JSON_ROWS = b"""{"to":"+16505551234","first_name":"Ann"}
{"to":"16505559999","first_name":7}

{"to":"16505551234","first_name":"Ann again"}
{"to":16505551234,"first_name":"Ann"}
{"to":"12
[]
{"to":"16505550000"}"""
UNREAD = "is no international phone number of 7 to 15 digits, country code first"


SPREADSHEET = b"\xef\xbb\xbf" + ROWS.replace(b",", b";").replace(b"Bob;", b"Bob,").replace(b"\n", b"\r\n")
BROKEN_ROWS: dict[str, tuple[bytes, str, list[tuple[int, str]]]] = {
    "CSV": (
        ROWS,
        CSV,
        [(6, f"to: {UNREAD}"), (7, "first_name: is empty"), (8, "has 2 cells, and the header 3")],
    ),
    "CSV as a spreadsheet saves it: a byte order mark, semicolons, CRLF": (
        SPREADSHEET,
        CSV,
        [(6, f"to: {UNREAD}"), (7, "first_name: is empty"), (8, "has 2 cells, and the header 3")],
    ),
    "NDJSON": (
        JSON_ROWS,
        NDJSON,
        [
            (5, "to: has to be text"),
            (6, "is not JSON"),
            (7, "is no JSON object"),
            (8, "first_name: is missing"),
        ],
    ),
}


async def test_a_broken_row_is_told_and_loses_no_other(bare: Caller) -> None:
    campaign = await ordered(bare)
    for case, (body, kind, errors) in BROKEN_ROWS.items():
        got = await upload(bare, campaign, body, kind)
        assert got.status == 200, (case, got.raw)
        told = [{"line": line, "why": why} for line, why in errors]
        counts = {"rows": 2, "duplicates": 1, "rejected": len(errors)}
        groups = [{"step": "all", "variant": "all", "rows": 2}]
        assert got.body == counts | {"errors": told, "groups": groups}, case
        listed = await bare("GET", f"{CAMPAIGNS}/{campaign}/audience/errors")
        assert listed["Content-Type"] == "application/x-ndjson"
        assert listed.raw.decode().splitlines() == [f'{{"line":{line},"why":"{why}"}}' for line, why in errors], case


REFUSED_AUDIENCES: dict[str, tuple[bytes, str, dict[str, str], int, str]] = {
    "nothing": (b"", CSV, {}, 422, "is empty"),
    "no header": (b"16505551234,Ann\n", CSV, {}, 422, "name the columns"),
    "a header without a column of the template": (b"to\n1\n", CSV, {}, 422, "no column first_name"),
    "a column twice": (b"to,first_name,to\n", CSV, {}, 422, "twice"),
    "gzip that does not say so": (gzip.compress(ROWS), CSV, {}, 422, "compressed"),
    "gzip": (gzip.compress(ROWS), CSV, {"Content-Encoding": "gzip"}, 415, "Content-Encoding"),
    "a workbook": (b"PK\x03\x04 a workbook", CSV, {}, 422, "workbook"),
    "UTF-16": (ROWS.decode().encode("utf-16"), CSV, {}, 422, "UTF-16"),
    "another charset": (ROWS, "text/csv; charset=latin-1", {}, 415, "UTF-8"),
    "another type": (ROWS, "application/json", {}, 415, "text/csv"),
    "no type": (ROWS, "", {}, 415, "text/csv"),
}


async def test_what_is_no_audience_is_refused_as_a_whole(bare: Caller) -> None:
    campaign = await ordered(bare)
    assert (await upload(bare, campaign, ROWS)).status == 200
    before = (await bare("GET", f"{CAMPAIGNS}/{campaign}")).body
    for case, (body, kind, headers, status, says) in REFUSED_AUDIENCES.items():
        got = await upload(bare, campaign, body, kind, **headers)
        assert got.status == status, (case, got.raw)
        assert says in got.body["detail"], case
        assert "6505551234" not in got.body["detail"], case
    assert (await bare("GET", f"{CAMPAIGNS}/{campaign}")).body == before


async def kept(client: StoreClient) -> list[str]:
    """The names of what is kept of audiences, without their campaigns and uploads."""
    prefix = KEYS.campaign("", "")[:-2]
    found = [key.decode().removeprefix(f"{prefix}:") for key in await client.keys(f"{prefix}:*")]
    return sorted(name.split(":")[0] for name in found if not name.startswith("record"))


async def test_an_upload_that_breaks_off_leaves_what_was_there(bare: Caller, client: StoreClient) -> None:
    campaign = await ordered(bare)
    assert (await upload(bare, campaign, ROWS)).body["rows"] == 2
    many = b"to,first_name\n" + b"".join(b"165055%05d,Ann\n" % number for number in range(3_000))
    head = (
        f"POST {CAMPAIGNS}/{campaign}/audience HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\n"
        f"Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n{len(many):x}\r\n"
    )
    answer = await raw_exchange(bare.url, head.encode() + many + b"\r\nno chunk\r\n\r\n")
    assert b" 400 " in answer
    assert (await bare("GET", f"{CAMPAIGNS}/{campaign}")).body["audience"]["rows"] == 2
    assert await kept(client) == ["errors", "rows"]
    # The next one takes the place of all that.
    again = await upload(bare, campaign, many)
    assert (again.body["rows"], again.body["rejected"]) == (3_000, 0)
    # Each is found in the chunk that has them.
    for number in (0, 1_234, 2_999):
        assert (await bare("DELETE", f"/gateway/v1/recipients/165055{number:05}")).body["rows"] == 1
    assert await kept(client) == ["rows"]


async def test_how_much_and_how_long_an_upload_may_be(bare: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await ordered(bare)
    monkeypatch.setattr(audiences, "MOST_BYTES", 100)
    assert (await upload(bare, campaign, b"x" * 101)).status == 413

    async def endless() -> AsyncIterator[bytes]:
        yield ROWS[:60]
        yield ROWS[:60]

    assert (await upload(bare, campaign, endless())).status == 413
    monkeypatch.setattr(audiences, "STALL_S", 0.05)
    never = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield ROWS[:60]
        await never.wait()
        yield b""

    got = await upload(bare, campaign, stalled())
    assert (got.status, "has to go on within 0.05 s" in got.body["detail"]) == (408, True)

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"t"
            await asyncio.sleep(0.02)

    assert (await upload(bare, campaign, dripping())).status == 408
    monkeypatch.setattr(audiences, "STALL_S", 30.0)
    monkeypatch.setattr(audiences, "DEADLINE_S", 0.05)
    assert (await upload(bare, campaign, stalled())).status == 408
    assert (await bare("GET", f"{CAMPAIGNS}/{campaign}")).body["audience"] is None


async def test_an_upload_of_which_it_is_not_known_whether_it_counts_is_let_be(
    make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await make_node(graph.url)
    call = Caller.of(node, session)
    campaign = await ordered(call)
    finish = Audiences.finish

    async def unheard(self: Audiences, record: CampaignRecord, audience: Audience) -> CampaignRecord | None:
        await finish(self, record, audience)
        raise StoreUnavailable("the answer was lost")

    monkeypatch.setattr(Audiences, "finish", unheard)
    assert (await upload(call, campaign, ROWS)).status == 503
    record = await node.services.campaigns.get("lucky-shrub", campaign)
    assert record is not None
    assert len(await node.services.audiences.rows(record, Chunk(0, 0))) == 2


async def test_a_campaign_that_was_changed_meanwhile_keeps_what_it_has(
    make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession, client: StoreClient
) -> None:
    node = await make_node(graph.url)
    call = Caller.of(node, session)
    campaign = await ordered(call)

    async def overtaken() -> AsyncIterator[bytes]:
        yield ROWS[:20]
        assert (await upload(call, campaign, b"to,first_name\n16505550009,Eve\n")).status == 200
        yield ROWS[20:]

    got = await upload(call, campaign, overtaken())
    assert (got.status, got.body["code"]) == (409, "conflict")
    assert (await call("GET", f"{CAMPAIGNS}/{campaign}")).body["audience"]["rows"] == 1
    assert await kept(client) == ["rows"]
    await node.services.campaigns.change("lucky-shrub", campaign, started)
    for refused in (await upload(call, campaign, ROWS), await call("DELETE", f"{CAMPAIGNS}/{campaign}")):
        assert (refused.status, refused.body["state"]) == (409, "running")


def started(record: CampaignRecord) -> CampaignRecord:
    return replace(record, progress={"state": "running"})


async def test_a_node_takes_so_many_uploads_at_once_and_no_more(
    make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession
) -> None:
    def taking(uploads: int) -> Callable[[Services], Services]:
        def change(services: Services) -> Services:
            gate = Turnstile(uploads, Kind.OVERLOADED, "the node", "uploads", services.metrics)
            return replace(services, uploads=gate)

        return change

    full = Caller.of(await make_node(graph.url, change=taking(0)), session)
    campaign = await ordered(full)
    refused = await upload(full, campaign, ROWS)
    assert (refused.status, refused.body["code"], refused["Retry-After"]) == (503, "overloaded", "1")
    one = Caller.of(await make_node(graph.url, change=taking(1)), session)
    # One that came to nothing has left, too.
    for body, status in ((ROWS, 200), (b"", 422), (gzip.compress(ROWS), 422), (ROWS, 200)):
        assert (await upload(one, campaign, body)).status == status


async def test_recipients_with_several_names_are_one(
    make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession
) -> None:
    """Spellings of a number are one user, and so is a user id that is proven to be a number's, before it and after."""
    node = await make_node(graph.url)
    call, users, identity = Caller.of(node, session), node.services.users, node.services.identity
    phone, user_id = (identity.of(kind, to) for kind, to in ((RecipientKind.PHONE, "16505551234"), *USER_ID))
    known = await users.read("lucky-shrub", user_id)
    assert await users.point("lucky-shrub", user_id, known, phone, 1)
    await users.update("lucky-shrub", phone, lambda user: replace(user, aliases=frozenset({user_id})))
    ann, us = b'{"to":"16505551234","first_name":"Ann"}\n', b'{"recipient":"US.1a","first_name":"Ann"}\n'
    other = b'{"recipient":"US.2b","first_name":"Bob"}\n{"to":"US.2b","first_name":"Bob"}\n'
    brazil = b'{"to":"5511987654321","first_name":"Cid"}\n{"to":"551187654321","first_name":"Cid"}\n'
    campaign = await ordered(call)
    for body in (ann + us + other + brazil, us + ann + us + other + brazil):
        got = (await upload(call, campaign, body, NDJSON)).body
        assert (got["rows"], got["rejected"]) == (3, 1)
        assert got["duplicates"] == body.count(b"\n") - 4
        assert "belongs in recipient" in got["errors"][0]["why"]
    # Who is erased by one name is gone under the others.
    assert (await call("DELETE", "/gateway/v1/recipients/%2B16505551234")).body["rows"] == 1
    assert (await call("DELETE", "/gateway/v1/recipients/+55 11 98765-4321".replace(" ", "%20"))).body["rows"] == 1
    record = await node.services.campaigns.get("lucky-shrub", campaign)
    assert record is not None
    [chunk] = node.services.audiences.chunks(record, 0)
    left = await node.services.audiences.rows(record, chunk)
    assert [(row.to, row.columns) for row in left] == [("", {}), ("US.2b", {"first_name": "Bob"}), ("", {})]


USER_ID = ((RecipientKind.BSUID, "US.1a"),)
