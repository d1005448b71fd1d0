"""Books that may have lost something, over HTTP: how they are told, and how an operator takes them as they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.edge.callers import (
    ANN,
    CHECKOUT,
    OPERATOR,
    OTHER_PORTFOLIO,
    PORTFOLIO,
    READER,
    SENDER,
    Caller,
    Recorder,
    template,
)
from tests.waiting import until
from tidegate.store.books import HOLD_MS, Books
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.witness import Identity

V1 = "/gateway/v1"
ACCEPT = f"{V1}/books:accept"
ORDER = {"portfolio": PORTFOLIO, "reason": "its disk was looked at"}
WHOLE: dict[str, Any] = {"whole": True, "held_until": None, "waiting_for": []}


async def told(call: Caller, portfolio: str = PORTFOLIO) -> dict[str, Any]:
    answer = await call("GET", f"{V1}/standing", OPERATOR)
    [books] = [one["books"] for one in answer.body["portfolios"] if one["id"] == portfolio]
    return dict(books)


async def somebody_else_is_missing(store: StoreClient) -> None:
    """A node that is not there wrote into books that these do not have."""
    ledger: Any = await store.hmget(PortfolioKeys(PORTFOLIO).ledger, ["era", "server"])
    now: Any = await store.time()
    found = await Books(store).join(
        PORTFOLIO, "lost-1", Identity(ledger[1].decode(), keeps_all=False), "before", {"lost-1": now[0] * 1000}
    )
    assert found.owing == {"lost-1"}


async def test_whole_books_are_told_so(bare: Caller) -> None:
    assert await told(bare) == await told(bare, OTHER_PORTFOLIO) == WHOLE


async def test_held_books_say_until_when_and_for_whom_and_what_counts_waits(
    bare: Caller, client: StoreClient, graph: Recorder
) -> None:
    await somebody_else_is_missing(client)

    books = await told(bare)
    refused = await bare.send(template(), Tidegate_Hold="reject")
    queued = await bare.send(template(), Tidegate_Hold="queue")

    assert (books["whole"], books["waiting_for"]) == (False, ["lost-1"])
    ends_s = datetime.strptime(books["held_until"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert abs(ends_s - datetime.now(UTC).timestamp() - HOLD_MS / 1000) < 600
    assert (refused.status, refused["Tidegate-Reason"]) == (503, "store_unavailable")
    assert (queued.status, queued["Tidegate-Reason"]) == (200, "store_unavailable")
    assert graph.requests == []
    assert await told(bare, OTHER_PORTFOLIO) == WHOLE


async def test_taken_as_they_are_they_are_whole_and_what_was_queued_goes(
    bare: Caller, client: StoreClient, graph: Recorder
) -> None:
    await somebody_else_is_missing(client)
    await bare.send(template(), Tidegate_Hold="queue")

    answer = await bare("POST", ACCEPT, OPERATOR, json=ORDER)

    assert (answer.status, answer.body) == (200, {"portfolio": PORTFOLIO, "held_until": None, "accepted": True})
    assert await told(bare) == WHOLE
    assert (await bare.send(template("+16505550001"))).status == 200

    async def went() -> bool:
        return len(graph.requests) == 2

    await until(went)


async def test_whole_books_are_taken_as_they_are_already(bare: Caller) -> None:
    answer = await bare("POST", ACCEPT, OPERATOR, json=ORDER)

    assert (answer.status, answer.body["accepted"], await told(bare)) == (200, False, WHOLE)


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        pytest.param(ORDER, None, 401, id="nobody"),
        pytest.param(ORDER, READER, 403, id="an app that may only read"),
        pytest.param(ORDER, SENDER, 403, id="an app that may only send"),
        pytest.param(ORDER | {"portfolio": OTHER_PORTFOLIO}, CHECKOUT, 404, id="books of others"),
        pytest.param(ORDER | {"portfolio": "none"}, OPERATOR, 404, id="books of nobody"),
        pytest.param({"portfolio": PORTFOLIO}, OPERATOR, 400, id="no reason"),
        pytest.param(ORDER | {"reason": " "}, OPERATOR, 400, id="an empty reason"),
        pytest.param(ORDER | {"reason": "x" * 501}, OPERATOR, 400, id="a reason without an end"),
        pytest.param(ORDER | {"reason": "a\nb"}, OPERATOR, 400, id="a reason of two lines"),
        pytest.param(ORDER | {"portfolio": 7}, OPERATOR, 400, id="a number for a portfolio"),
        pytest.param(ORDER | {"until": "now"}, OPERATOR, 400, id="a key that there is not"),
        pytest.param([], OPERATOR, 400, id="a list"),
    ],
)
async def test_who_may_not_or_says_it_wrong_changes_nothing(
    bare: Caller, client: StoreClient, body: Any, key: str | None, status: int
) -> None:
    await somebody_else_is_missing(client)

    answer = await bare("POST", ACCEPT, key, json=body)

    assert answer.status == status
    assert not (await told(bare))["whole"]
    assert ANN not in answer.raw.decode()


async def test_it_is_written_into_the_log_who_did_it_and_why(
    bare: Caller, client: StoreClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await somebody_else_is_missing(client)

    await bare("POST", ACCEPT, OPERATOR, json=ORDER)

    [line] = [line for line in capsys.readouterr().out.splitlines() if "books_accepted" in line]
    assert all(word in line for word in ("operator", PORTFOLIO, "its disk was looked at", "lost-1"))
