"""The other way to use the gateway: the caller keeps Meta's own token, and its sends are guarded all the same."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OTHER_NUMBER,
    OTHER_WABA,
    WABA,
    Caller,
    Recorder,
    template,
)
from tests.integration.edge.conftest import NodeMaker
from tidegate.settings.app_keys import hash_key
from tidegate.simulator.config import DEFAULT_TOKEN

TOKEN = "EAAG-the-callers-own-token"
MEDIA = "1037543291543636"
SENDER = "TIDEGATE_APP__2__"  # the third app of the tests' configuration, with one number


@pytest.fixture
async def call(make_node: NodeMaker, graph: Recorder, session) -> Caller:
    environ = {f"{SENDER}OWN_TOKEN": "true", f"{SENDER}KEY_SHA256": hash_key(TOKEN)}
    return Caller.of(await make_node(graph.url, environ=environ), session)


def sent(graph: Recorder) -> tuple[str, str | None, bytes]:
    """Path, token and body of the last request that arrived."""
    _, path, headers, raw = graph.requests[-1]
    return path, headers.get("Authorization"), raw


@pytest.mark.parametrize("path", [f"/v25.0/{NUMBER}/media", f"/{WABA}/message_templates?limit=1", f"/v25.0/{MEDIA}"])
async def test_it_goes_on_as_it_came(call: Caller, graph: Recorder, path: str) -> None:
    got = await call("GET", path, None, headers={"Authorization": f"OAuth {TOKEN}"})

    assert got.status == 200
    assert sent(graph)[:2] == (path, f"OAuth {TOKEN}")


async def test_in_the_query_and_in_a_form_it_stays_where_it_is(call: Caller, graph: Recorder) -> None:
    path = f"/v25.0/{NUMBER}?fields=a%2Cb&access_token={TOKEN}&appsecret_proof=0f"
    assert (await call("GET", path, None)).status == 200
    assert sent(graph) == (path, None, b"")

    form = f"about=1%32&access_token={TOKEN}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/v25.0/{NUMBER}/whatsapp_business_profile"
    assert (await call("POST", path, None, data=form, headers=headers)).status == 200
    assert sent(graph) == (path, None, form)


async def test_answers_come_as_meta_wrote_them(call: Caller, graph: Recorder) -> None:
    page = f"{graph.url}/v25.0/{MEDIA}?access_token={TOKEN}&after=x"
    told = {"id": MEDIA, "url": f"{graph.url}/file", "paging": {"next": page}}

    async def answer(_request: web.Request, _raw: bytes) -> web.Response:
        return web.json_response(told)

    graph.answer = answer

    assert (await call("GET", f"/v25.0/{MEDIA}", TOKEN)).body == told


async def test_a_send_is_guarded_and_goes_with_the_accounts_token(call: Caller, graph: Recorder) -> None:
    got = await call.send(template(), TOKEN)

    assert (got.status, got["Tidegate-Verdict"]) == (200, "send")
    assert sent(graph)[1] == f"Bearer {DEFAULT_TOKEN}"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/v25.0/{OTHER_NUMBER}", id="a number of another app"),
        pytest.param(f"/v25.0/{OTHER_WABA}/message_templates", id="an account of another app"),
        pytest.param("/v25.0/999/phone_numbers", id="what belongs to an account that is not registered"),
        pytest.param("/v25.0/me", id="whoever the token is"),
    ],
)
async def test_it_opens_no_more_of_the_house_than_a_key(call: Caller, graph: Recorder, path: str) -> None:
    assert ((await call("GET", path, TOKEN)).status, graph.requests) == (404, [])


async def test_no_body_goes_around_a_send_and_no_query_makes_another_request(call: Caller, graph: Recorder) -> None:
    around = await call("PUT", f"/v25.0/{NUMBER}/messages", TOKEN, json=template())
    disguised = await call("GET", f"/v25.0/{NUMBER}?method=delete", TOKEN)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    batch = await call("POST", f"/v25.0/{NUMBER}/x", TOKEN, data=b"batch=%5B%5D", headers=form)

    assert (around.status, disguised.status, batch.status, graph.requests) == (404, 400, 400, [])


@pytest.mark.parametrize(
    ("path", "headers", "form"),
    [
        pytest.param(f"/{NUMBER}/x?access_token={CHECKOUT}", {"Authorization": f"Bearer {TOKEN}"}, b"a=1", id="query"),
        pytest.param(
            f"/{NUMBER}/x?ACCESS.token={CHECKOUT}", {"Authorization": f"Bearer {TOKEN}"}, b"a=1", id="its other name"
        ),
        pytest.param(
            f"/{NUMBER}/x", {"Authorization": f"Bearer {TOKEN}"}, f"access_token={CHECKOUT}".encode(), id="form"
        ),
        pytest.param(f"/{NUMBER}/x?access_token={TOKEN}", {"Authorization": f"Basic {CHECKOUT}"}, b"a=1", id="header"),
        pytest.param(
            f"/{NUMBER}/x?access_token={TOKEN}", {"Authorization": f"Bearer {CHECKOUT}, "}, b"", id="header that is one"
        ),
    ],
)
async def test_a_key_of_the_house_beside_it_never_leaves(call: Caller, graph: Recorder, path, headers, form) -> None:
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    got = await call(
        "POST" if form else "GET", path, None, data=form or None, headers={**headers, **(form_type if form else {})}
    )

    assert got.status in (400, 401)
    assert CHECKOUT not in str(graph.requests)
    assert graph.requests == []


async def test_a_key_that_was_not_made_here_is_no_token_of_metas(make_node, graph: Recorder, session) -> None:
    environ = {f"{SENDER}OWN_TOKEN": "true", f"{SENDER}KEY_SHA256": f"{hash_key(TOKEN)},{hash_key('made-by-hand')}"}
    call = Caller.of(await make_node(graph.url, environ=environ), session)

    by_hand = await call("GET", f"/v25.0/{NUMBER}?access_token=made-by-hand", None)
    own = await call("GET", f"/v25.0/{NUMBER}", TOKEN)

    assert (by_hand.status, own.status) == (200, 200)
    assert [request[2].get("Authorization") for request in graph.requests] == [
        f"Bearer {DEFAULT_TOKEN}",
        f"Bearer {TOKEN}",
    ]
    assert "made-by-hand" not in str(graph.requests)


@pytest.mark.parametrize("token", ["EAAG-of-somebody-else", DEFAULT_TOKEN])
async def test_a_token_that_is_not_registered_is_refused(call: Caller, graph: Recorder, token: str) -> None:
    assert ((await call("GET", f"/v25.0/{NUMBER}", token)).status, graph.requests) == (401, [])


async def test_a_key_of_ours_is_exchanged_as_ever(make_node: NodeMaker, graph: Recorder, session) -> None:
    call = Caller.of(await make_node(graph.url, environ={"TIDEGATE_APP__0__OWN_TOKEN": "true"}), session)

    assert (await call("GET", f"/v25.0/{NUMBER}", CHECKOUT)).status == 200
    assert sent(graph)[1] == f"Bearer {DEFAULT_TOKEN}"
