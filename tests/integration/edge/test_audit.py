"""`GET /audit` and `tidegate audit`: every act of an operator is there before it is answered, for whom it concerns."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.integration.edge.callers import (
    ANN,
    BOB,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    OTHER_PORTFOLIO,
    OTHER_WABA,
    PORTFOLIO,
    READER,
    STRANGER,
    WABA,
    Caller,
    template,
)
from tidegate.cli import app as command
from tidegate.edge.times import write_time
from tidegate.policy.audit import canonical, link
from tidegate.settings.app_keys import fingerprint
from tidegate.store.audit import GATEWAY
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

V1 = "/gateway/v1"


async def listed(call: Caller, query: str = "", key: str = CHECKOUT) -> list[dict[str, Any]]:
    got = await call("GET", f"{V1}/audit{query}", key)
    assert got.status == 200, got.raw
    return list(got.body["entries"])


async def pause(call: Caller, scope: dict[str, str], reason: str = "too many blocks", key: str = CHECKOUT) -> str:
    got = await call("POST", f"{V1}/pauses", key, json={"scope": scope, "reason": reason, "for": "30m"})
    assert got.status == 201
    return str(got.body["id"])


class TestActs:
    async def test_each_act_of_an_operators_is_written_down_with_who_why_and_from_where(self, bare: Caller):
        number = {"number": NUMBER}
        pause_id = await pause(bare, number)
        await bare("DELETE", f"{V1}/pauses/{pause_id}")
        consent = {"marketing": False, "source": "told us"}
        assert (await bare("PUT", f"{V1}/recipients/{ANN}/consent", json=consent)).status == 200
        assert (await bare("DELETE", f"{V1}/recipients/{ANN}")).status == 200
        await bare("POST", f"{V1}/wallets/{WABA}/top-ups", json={"amount": "5.00", "reference": "invoice 7"})
        await bare("POST", f"{V1}/books:accept", json={"portfolio": PORTFOLIO, "reason": "nothing was lost"})
        await bare("PUT", f"{V1}/rules", json={"headroom": 0.2})
        now_ms = (await bare("GET", f"{V1}/testing/clock")).body["now_ms"]
        later = {"Tidegate_Not_Before": write_time(now_ms + 3_600_000)}
        held = await bare.send(template(BOB), **{"Tidegate_Category": "utility", **later})
        assert (await bare("DELETE", f"{V1}/messages/{held['Tidegate-Id']}", OPERATOR)).status == 200

        found = await listed(bare, "?limit=50")
        by_checkout = {"app": "checkout", "key": fingerprint(CHECKOUT), "from": "127.0.0.1"}
        assert [(e["act"], e["reason"]) for e in reversed(found) if e["by"] == by_checkout] == [
            ("pause.start", "too many blocks"),
            ("pause.end", ""),
            ("consent.write", "told us"),
            ("recipient.erase", ""),
            ("wallet.top_up", ""),
            ("books.accept", "nothing was lost"),
            ("rules.replace", ""),
        ]
        acts = {e["act"]: e for e in found}
        assert acts["pause.start"]["target"] == number
        assert acts["pause.start"]["detail"]["pause"] == pause_id
        assert acts["message.cancel"]["by"]["app"] == "operator"
        assert acts["message.cancel"]["target"]["message"] == held["Tidegate-Id"]
        assert ANN.removeprefix("+") not in json.dumps(found)

    async def test_what_is_not_done_is_not_written_down(self, bare: Caller):
        assert (await bare("DELETE", f"{V1}/pauses/pause-none")).status == 404
        assert (await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}})).status == 400
        assert (await bare("POST", f"{V1}/pauses", READER, json={"scope": {"number": NUMBER}})).status == 403
        assert await listed(bare, "?act=pause") == []

    async def test_what_can_not_be_written_down_is_not_done(self, bare: Caller, client: StoreClient):
        await client.set(PortfolioKeys(PORTFOLIO).audited, "")
        await client.delete(PortfolioKeys(PORTFOLIO).audit)
        # No stream: whatever is added to it fails.
        await client.set(PortfolioKeys(PORTFOLIO).audit, "damaged")
        got = await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "x", "for": "5m"})
        assert got.status == 503
        assert (await bare("GET", f"{V1}/pauses")).body["pauses"] == []

    async def test_from_where_is_who_stands_before_the_proxy(self, make_node, graph, session):
        call = Caller.of(await make_node(graph.url, environ={"TIDEGATE_SERVER__PEER_HEADER": "X-Real-IP"}), session)
        headers = {"X-Real-IP": "2001:db8::7"}
        order = {"scope": {"number": NUMBER}, "reason": "too many blocks", "for": "5m"}
        assert (await call("POST", f"{V1}/pauses", headers=headers, json=order)).status == 201

        (entry,) = await listed(call, "?act=pause.start")
        assert entry["by"]["from"] == "2001:db8::7"


class TestReading:
    async def test_it_is_paged_from_the_newest_on_over_all_portfolios(self, bare: Caller):
        for i in range(3):
            await pause(bare, {"number": NUMBER}, f"a{i}", OPERATOR)
            await pause(bare, {"number": OTHER_NUMBER}, f"b{i}", OPERATOR)
        whole = await listed(bare, "?act=pause.start", OPERATOR)
        assert [e["reason"] for e in whole] == ["b2", "a2", "b1", "a1", "b0", "a0"]
        paged, query = [], "?act=pause.start&limit=2"
        before = ""
        while True:
            got = (await bare("GET", f"{V1}/audit{query}{before}", OPERATOR)).body
            paged += got["entries"]
            if got["next"] is None:
                break
            before = f"&before={got['next']}"
        assert paged == whole

    async def test_filters_are_by_act_app_time_and_portfolio(self, bare: Caller):
        await pause(bare, {"number": NUMBER}, "one")
        await pause(bare, {"number": NUMBER}, "two", OPERATOR)
        assert [e["reason"] for e in await listed(bare, "?app=checkout")] == ["one"]
        assert [e["reason"] for e in await listed(bare, "?act=pause")] == ["two", "one"]
        assert {e["act"] for e in await listed(bare, "?act=rules.replace")} == {"rules.replace"}
        assert await listed(bare, "?since=2099-01-01T00:00:00Z") == []
        assert await listed(bare, "?until=2001-01-01T00:00:00Z") == []
        assert {e["portfolio"] for e in await listed(bare, f"?portfolio={PORTFOLIO}")} == {PORTFOLIO}

    async def test_an_app_sees_what_was_done_to_what_it_may_use(self, bare: Caller):
        await pause(bare, {"number": NUMBER}, "ours")
        await pause(bare, {"number": OTHER_NUMBER}, "theirs", STRANGER)
        await bare("POST", f"{V1}/wallets/{OTHER_WABA}/top-ups", STRANGER, json={"amount": "5", "reference": "x"})
        assert [e["reason"] for e in await listed(bare, "?act=pause")] == ["ours"]
        assert [e["reason"] for e in await listed(bare, "?act=pause", STRANGER)] == ["theirs"]
        for hidden in (OTHER_PORTFOLIO, GATEWAY, "nobodys"):
            assert (await bare("GET", f"{V1}/audit?portfolio={hidden}")).status == 404
        assert await listed(bare, f"?portfolio={GATEWAY}", OPERATOR) == []

    async def test_what_another_app_did_to_a_user_or_an_app_is_for_those_over_its_numbers(
        self, bare: Caller, client: StoreClient
    ):
        consent = {"marketing": True, "source": "its own record"}
        assert (await bare("PUT", f"{V1}/recipients/{ANN}/consent", OPERATOR, json=consent)).status == 200
        assert (await bare("PUT", f"{V1}/recipients/{ANN}/consent", CHECKOUT, json=consent)).status == 200
        # A template is the portfolio's: whoever sends it has to see who stopped it.
        await pause(bare, {"template": "spring"}, "blocked", OPERATOR)
        key = PortfolioKeys(PORTFOLIO)
        last = (await listed(bare))[0]
        words = {**last, "seq": last["seq"] + 1, "act": "webhooks.replay", "target": {"app": "operator"}}
        text = canonical(words)
        fields = {"at": "0", "entry": text, "prev": last["hash"], "hash": link(last["hash"], text)}
        await client.xadd(key.audit, fields, id=f"{words['seq']}-0")

        def seen(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
            return [(e["act"], e["by"]["app"]) for e in entries if e["act"] != "rules.replace"]

        # The operator has numbers that checkout has not; reader and checkout have the same one.
        for key_ in (CHECKOUT, READER):
            assert seen(await listed(bare, f"?portfolio={PORTFOLIO}", key_)) == [
                ("pause.start", "operator"),
                ("consent.write", "checkout"),
            ]
        assert seen(await listed(bare, f"?portfolio={PORTFOLIO}", OPERATOR)) == [
            ("webhooks.replay", "operator"),
            ("pause.start", "operator"),
            ("consent.write", "checkout"),
            ("consent.write", "operator"),
        ]
        chain = (await bare("GET", f"{V1}/audit?portfolio={PORTFOLIO}&after=0", READER)).body["entries"]
        assert sum("act" not in entry for entry in chain) == 2, "the links are there all the same"

    @pytest.mark.parametrize(
        "query",
        [
            pytest.param("?limit=0", id="no entries at all"),
            pytest.param("?limit=1001", id="too many entries"),
            pytest.param("?since=yesterday", id="no time"),
            pytest.param("?before=1", id="a cursor of nobody's"),
            pytest.param(f"?before={OTHER_PORTFOLIO}:1", id="a cursor of another's"),
            pytest.param(f"?portfolio={PORTFOLIO}&after=x", id="no number"),
            pytest.param(f"?portfolio={PORTFOLIO}&after=0&app=ops", id="a chain with gaps"),
            pytest.param("?actor=ops", id="an unknown parameter"),
            pytest.param("?act=a&act=b", id="a parameter twice"),
        ],
    )
    async def test_a_question_that_makes_no_sense_is_refused(self, bare: Caller, query: str):
        assert (await bare("GET", f"{V1}/audit{query}")).status == 400


async def tidegate(call: Caller, *words: str, key: str = OPERATOR) -> Result:
    """The command, against the node, in a thread: the node is on this loop."""
    environ = {"TIDEGATE_URL": call.url, "TIDEGATE_KEY": key}
    return await asyncio.to_thread(CliRunner().invoke, command, words, env=environ)


class TestCommand:
    async def test_list_shows_who_did_what(self, bare: Caller):
        await pause(bare, {"number": NUMBER})
        shown = await tidegate(bare, "audit", "list", "--act", "pause")
        assert shown.exit_code == 0
        assert all(word in shown.output for word in ("pause.start", "checkout", NUMBER, "too many blocks"))
        as_json = await tidegate(bare, "audit", "list", "--act", "pause", "--json")
        assert json.loads(as_json.output)["entries"][0]["act"] == "pause.start"

    async def test_verify_finds_every_chain_whole(self, bare: Caller):
        for i in range(3):
            await pause(bare, {"number": NUMBER}, f"{i}")
        done = await tidegate(bare, "audit", "verify", "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.output)
        assert told["whole"] is True
        # The start of the node put the file's rules in force.
        assert {c["portfolio"]: c["entries"] for c in told["chains"]} == {PORTFOLIO: 4, OTHER_PORTFOLIO: 1, GATEWAY: 0}

    async def test_verify_names_the_first_entry_that_somebody_changed(self, bare: Caller, client: StoreClient):
        for i in range(3):
            await pause(bare, {"number": NUMBER}, f"{i}")
        key = PortfolioKeys(PORTFOLIO).audit
        entries = await client.xrange(key)
        await client.delete(key)
        for entry_id, fields in entries:
            fields[b"entry"] = fields[b"entry"].replace(b'"reason":"1"', b'"reason":"2"')
            await client.xadd(key, fields, id=entry_id)
        done = await tidegate(bare, "audit", "verify", "--portfolio", PORTFOLIO)
        assert done.exit_code == 1
        assert "lucky-shrub: BROKEN at number 3: its words are not those that were hashed" in done.output

    async def test_verify_holds_the_chain_against_an_anchor(self, bare: Caller):
        await pause(bare, {"number": NUMBER})
        last = (await listed(bare))[0]
        where = ("audit", "verify", "--portfolio", PORTFOLIO, "--anchor")
        assert (await tidegate(bare, *where, f"{last['seq']}:{last['hash']}")).exit_code == 0
        assert (await tidegate(bare, *where, f"{last['seq']}:{'0' * 64}")).exit_code == 1
        assert (await tidegate(bare, *where, f"{last['seq'] + 1}:{last['hash']}")).exit_code == 1
        assert (await tidegate(bare, *where, "nonsense")).exit_code == 2

    async def test_whoever_sees_a_part_verifies_the_links_of_the_rest(self, bare: Caller, client: StoreClient):
        await pause(bare, {"number": NUMBER})
        key = PortfolioKeys(PORTFOLIO)
        # An act on a number of the portfolio that is not this app's.
        last = (await listed(bare))[0]
        words = {**last, "seq": last["seq"] + 1, "target": {"number": "777"}}
        text = canonical(words)
        fields = {"at": "0", "entry": text, "prev": last["hash"], "hash": link(last["hash"], text)}
        await client.xadd(key.audit, fields, id=f"{words['seq']}-0")
        done = await tidegate(bare, "audit", "verify", "--portfolio", PORTFOLIO, "--json", key=READER)
        [chain] = json.loads(done.output)["chains"]
        assert (done.exit_code, chain["entries"], chain["withheld"]) == (0, 3, 1)
