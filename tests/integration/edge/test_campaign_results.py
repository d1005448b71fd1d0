"""What became of each recipient of a campaign: streamed as NDJSON and CSV; and the commands for all of it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner, Result

from tests.factories import make_order
from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, SENDER, Caller, Recorder
from tests.integration.edge.conftest import NodeMaker
from tidegate.app import Node
from tidegate.cli import app as command
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.lifecycle import State
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import RowFate
from tidegate.store.send_queue import Lane, Waiting

CAMPAIGNS, PORTFOLIO = "/gateway/v1/campaigns", "lucky-shrub"
DAY_MS = 86_400_000
STEPS = [{"segment": "staff"}, {"segment": "-rest", "name": "-rest"}]
ROWS = b"""to,recipient,first_name,segment
16505550001,,Ann,staff
12,,Bob,staff
16505550002,,Cid,staff
,US.1a,Dan,-rest
16505550003,,Eve,-rest
"""
#: Of the rows that were kept.
FATES = {1: Fate.READ, 2: Fate.FAILED, 3: Fate.QUEUED}


@pytest.fixture
async def node(make_node: NodeMaker, graph: Recorder) -> Node:
    return await make_node(graph.url)


@pytest.fixture
def call(node: Node, session: aiohttp.ClientSession) -> Caller:
    return Caller.of(node, session)


async def uploaded(call: Caller, key: str = CHECKOUT) -> str:
    made = await call("POST", CAMPAIGNS, key, json=make_order(steps=STEPS))
    path = f"{CAMPAIGNS}/{made.body['id']}"
    got = await call("POST", f"{path}/audience", key, data=ROWS, headers={"Content-Type": "text/csv"})
    assert got.status == 200, got.raw
    return path


async def run(node: Node, path: str) -> CampaignRecord:
    """Give the rows the fates that they have while a campaign runs."""
    record = await node.services.campaigns.get(PORTFOLIO, path.rpartition("/")[2])
    assert record is not None
    campaign_id, fates = record.campaign.campaign_id, node.services.fates
    await fates.open(PORTFOLIO, campaign_id, 4, record.campaign.deadline_ms + 40 * DAY_MS)
    await fates.write(PORTFOLIO, campaign_id, [RowFate(row, int(row > 2), fate) for row, fate in FATES.items()])
    paused = await node.services.campaigns.change(PORTFOLIO, campaign_id, _paused)
    assert paused is not None
    return paused


def _paused(record: CampaignRecord) -> CampaignRecord:
    return CampaignRecord(record.campaign, record.revision, record.audience, {"state": "paused"})


async def test_each_recipients_end_is_told_step_by_step(node: Node, call: Caller) -> None:
    path = await uploaded(call)
    drafted = [json.loads(line) for line in (await call("GET", f"{path}/recipients")).raw.splitlines()]
    assert {(one["state"], one["id"]) for one in drafted} == {("pending", None)}
    record = await run(node, path)
    got = await call("GET", f"{path}/recipients")
    assert (got["Content-Type"], got["Cache-Control"]) == ("application/x-ndjson", "no-store")
    told = [json.loads(line) for line in got.raw.splitlines()]
    ids = [
        node.services.ids.of(PORTFOLIO, record.campaign.created_at_ms, f"{record.campaign.campaign_id} {row}")
        for row in FATES
    ]
    rows = [
        (2, "16505550001", "staff", "read", ids[0]),
        (4, "16505550002", "staff", "failed", ids[1]),
        (5, "US.1a", "-rest", "queued", ids[2]),
        (6, "16505550003", "-rest", "pending", None),
    ]
    names = ("line", "to", "step", "state", "id")
    assert told == [dict(zip(names, row, strict=True)) | {"variant": "all"} for row in rows]
    failed = (await call("GET", f"{path}/recipients?state=failed")).raw
    assert [json.loads(line)["line"] for line in failed.splitlines()] == [4]
    as_csv = await call("GET", f"{path}/recipients?format=csv")
    assert as_csv["Content-Type"] == "text/csv; charset=utf-8"
    # A cell that begins like a formula is text, whatever opens the file.
    assert list(csv.reader(io.StringIO(as_csv.raw.decode()))) == [
        ["line", "to", "step", "variant", "state", "id"],
        *(
            [str(line), to, step.replace("-rest", "'-rest"), "all", state, id_ or ""]
            for line, to, step, state, id_ in rows
        ),
    ]
    for query in ("format=xml", "state=lost", "state=failed&state=read"):
        assert (await call("GET", f"{path}/recipients?{query}")).status == 400
    # What was never sent of a campaign that is over never will be.
    await node.services.campaigns.change(PORTFOLIO, path.rpartition("/")[2], _cancelled)
    left = (await call("GET", f"{path}/recipients?state=cancelled")).raw
    assert [json.loads(line)["line"] for line in left.splitlines()] == [6]


async def test_what_meta_took_is_sent_in_the_results_as_in_the_counts(node: Node, call: Caller) -> None:
    path = await uploaded(call)
    campaign_id = (await run(node, path)).campaign.campaign_id
    await node.services.fates.write(PORTFOLIO, campaign_id, [RowFate(3, 1, Fate.ACCEPTED)])
    told = (await call("GET", f"{path}/recipients?state=sent")).raw
    assert [json.loads(line)["state"] for line in told.splitlines()] == ["sent"]
    assert (await call("GET", path)).body["progress"]["sent"] == 1
    assert (await call("GET", f"{path}/recipients?state=accepted")).status == 400


def _cancelled(record: CampaignRecord) -> CampaignRecord:
    return CampaignRecord(record.campaign, record.revision, record.audience, {"state": "cancelled"})


async def test_whose_the_numbers_are_and_who_was_erased(call: Caller) -> None:
    path = await uploaded(call, SENDER)
    got = await call("GET", f"{path}/recipients", OPERATOR)
    assert [json.loads(line)["to"] for line in got.raw.splitlines()] == [
        "*******0001",
        "*******0002",
        "*S.1a",
        "*******0003",
    ]
    assert (await call("DELETE", "/gateway/v1/recipients/%2B16505550002")).body["rows"] == 1
    got = await call("GET", f"{path}/recipients", OPERATOR)
    assert [json.loads(line)["to"] for line in got.raw.splitlines()] == ["*******0001", "", "*S.1a", "*******0003"]


async def test_who_is_erased_while_a_node_puts_their_row_in_the_queue_is_not_written_to(
    node: Node, call: Caller
) -> None:
    path = await uploaded(call)
    record = await run(node, path)
    campaign, services = record.campaign, node.services
    # The last row was read by a node before, which puts it in only now.
    assert (await call("DELETE", "/gateway/v1/recipients/16505550003")).body["rows"] == 1
    message_id = services.ids.of(PORTFOLIO, campaign.created_at_ms, campaign.row_name(4))
    late = Waiting(
        message_id=message_id, attempt=None, lane=Lane(NUMBER, Category.MARKETING), recipient=b"e" * 16, due_at_ms=0,
        needs_place=False, expires_at_ms=campaign.deadline_ms, body=b"{}", about=b"{}", reason="scheduled",
        until_ms=None, cause="its campaign's turn came",
    )  # fmt: skip
    await services.queue.enqueue(PORTFOLIO, late)
    await services.fates.write(PORTFOLIO, campaign.campaign_id, [RowFate(4, 1, Fate.QUEUED)])
    found = await services.messages.find(PORTFOLIO, message_id)
    assert found is not None
    assert found.state is State.CANCELLED
    # One who was written to before is forgotten, and what became of it stays.
    assert (await call("DELETE", "/gateway/v1/recipients/16505550001")).body["rows"] == 1
    told = [json.loads(line) for line in (await call("GET", f"{path}/recipients")).raw.splitlines()]
    assert [(one["to"], one["state"]) for one in told] == [
        ("", "read"), ("16505550002", "failed"), ("US.1a", "queued"), ("", "cancelled")
    ]  # fmt: skip


async def test_an_answer_that_can_not_go_on_is_cut_off(
    node: Node, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await uploaded(call)
    read = node.services.audiences.rows

    async def rows(record: CampaignRecord, chunk: Any) -> Any:
        if chunk.group:
            raise LookupError
        return await read(record, chunk)

    monkeypatch.setattr(type(node.services.audiences), "rows", lambda _self, record, chunk: rows(record, chunk))
    with pytest.raises(aiohttp.ClientPayloadError):
        await call("GET", f"{path}/recipients")
    # Where nothing was written yet there is room for a fault.
    got = await call("GET", f"{path}/recipients?state=failed")
    assert (got.status, got.body["code"]) == (503, "store_unavailable")


async def tidegate(call: Caller, *words: str) -> Result:
    """The command, against the node, in a thread: the node is on this loop."""
    environ = {"TIDEGATE_URL": call.url, "TIDEGATE_KEY": CHECKOUT}
    return await asyncio.to_thread(CliRunner().invoke, command, ["campaign", *words], env=environ)


async def test_the_command_orders_uploads_shows_and_downloads(call: Caller, tmp_path: Path) -> None:
    order, people, out = tmp_path / "order.json", tmp_path / "people.csv", tmp_path / "out.ndjson"
    order.write_text(json.dumps(make_order(steps=STEPS, gate=True)))
    people.write_bytes(ROWS)
    made = await tidegate(call, "create", str(order), "--audience", str(people), "--json")
    assert made.exit_code == 0, made.output
    # The node of this process writes its log to the same place.
    told = json.loads(made.output.splitlines()[-1])
    campaign = told["id"]
    assert (told["upload"]["rows"], told["upload"]["rejected"]) == (4, 1)
    shown = {
        ("list",): (campaign, "Black Friday", "draft", "4"),
        ("show", campaign): ("4 recipients, 0 named twice, 1 lines rejected", "staff", "failure, block_proxy"),
        ("upload", campaign, str(people)): ("4 recipients", "line 3: to: is no international phone number"),
        ("errors", campaign): ('{"line":3,"why":"to: is no',),
        ("results", campaign, "--format", "csv", "--state", "pending"): (
            "line,to,step",
            "2,16505550001,staff,all,pending,",
        ),
    }
    for words, expected in shown.items():
        done = await tidegate(call, *words)
        assert done.exit_code == 0, (words, done.output)
        assert all(word in done.output for word in expected), (words, done.output)
    done = await tidegate(call, "results", campaign, "--output", str(out))
    assert (done.exit_code, len(out.read_text().splitlines())) == (0, 4)
    bad = tmp_path / "bad.txt"
    bad.write_text("to\n1\n")
    # Refused while most of it is still on its way.
    big = tmp_path / "big.csv"
    big.write_bytes(b"16505550001,Ann\n" * 500_000)
    refused = {
        ("upload", campaign, str(big)): (1, "name the columns"),
        ("upload", campaign, str(bad)): (2, "has to end in"),
        ("upload", campaign, str(bad), "--format", "csv"): (1, "no column first_name"),
        ("create", str(bad)): (2, "is not JSON"),
        ("results", campaign, "--state", "lost"): (1, "state: has to be one of"),
        ("show", "cmp-none"): (1, "no such campaign"),
        ("results", campaign, "--output", str(tmp_path / "none" / "out")): (2, "can't be written to"),
    }
    for words, (code, says) in refused.items():
        done = await tidegate(call, *words)
        assert (done.exit_code, says in " ".join(f"{done.output} {done.exception}".split())) == (code, True), (
            words,
            done,
        )
