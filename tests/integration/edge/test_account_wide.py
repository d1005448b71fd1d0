"""What reaches past the app that asks takes more than the scope send, whatever key or token it comes with."""

from __future__ import annotations

import pytest

from tests.integration.edge.callers import (
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    OTHER_WABA,
    SENDER,
    WABA,
    Caller,
    Recorder,
)
from tests.integration.edge.conftest import NodeMaker
from tidegate.settings.app_keys import hash_key

TOKEN = "EAAG-the-callers-own-token"
WEBHOOK = '{"webhook_configuration":{"override_callback_uri":"https://elsewhere.example"}}'


@pytest.fixture
async def call(make_node: NodeMaker, graph: Recorder, session) -> Caller:
    """A node whose "sender" has a key, and a token of Meta's own."""
    hashes = f"{hash_key(SENDER)},{hash_key(TOKEN)}"
    environ = {"TIDEGATE_APP__2__OWN_TOKEN": "true", "TIDEGATE_APP__2__KEY_SHA256": hashes}
    return Caller.of(await make_node(graph.url, environ=environ), session)


WRITES = {
    "a number's webhooks and pin": ("POST", f"/v25.0/{NUMBER}"),
    "the same in the query, without a version": ("POST", f"/{NUMBER}/?webhook_configuration=x"),
    "an account's webhooks": ("POST", f"/v25.0/{WABA}/subscribed_apps"),
    "their end, in capitals": ("DELETE", f"/v25.0/{WABA}/Subscribed_Apps/"),
    "an account": ("POST", f"/v25.0/{WABA}"),
    "a number's registration": ("POST", f"/v25.0/{NUMBER}/register"),
    "its end, by another method": ("PUT", f"/v25.0/{NUMBER}/deregister"),
    "an account's numbers": ("POST", f"/v25.0/{WABA}/phone_numbers"),
    "an account's users": ("DELETE", f"/v25.0/{WABA}/assigned_users"),
    "where an account goes": ("POST", f"/v25.0/{WABA}/set_solution_migration_intent"),
    "and whose it is": ("POST", f"/v25.0/{WABA}/set_obo_mobility_intent"),
    "where its payments go": ("POST", f"/v25.0/{WABA}/payment_configuration"),
}


async def test_the_scope_send_is_not_enough_for_it(call: Caller, graph: Recorder) -> None:
    for what, (method, path) in WRITES.items():
        by_key = await call(method, path, SENDER, data=WEBHOOK, headers={"Content-Type": "application/json"})
        by_token = await call(method, path, TOKEN)

        for refused in (by_key, by_token):
            assert (refused.status, refused.error["code"]) == (403, 10), what
            assert "it takes the scope admin" in refused.error["error_data"]["details"], what
    assert graph.requests == []


async def test_the_scope_admin_is(call: Caller, graph: Recorder) -> None:
    for what, (method, path) in WRITES.items():
        assert (await call(method, path, OPERATOR)).status == 200, what
    assert [request[:2] for request in graph.requests] == list(WRITES.values())


OWN_BUSINESS = [
    ("GET", f"/v25.0/{WABA}/subscribed_apps"),
    ("HEAD", f"/v25.0/{NUMBER}"),
    ("POST", f"/v25.0/{NUMBER}/whatsapp_business_profile"),
    ("POST", f"/v25.0/{NUMBER}/block_users"),
    ("POST", f"/v25.0/{NUMBER}/what_is_not_known_here"),
    ("POST", f"/v25.0/{WABA}/message_templates"),
    ("DELETE", f"/v25.0/{WABA}/message_templates?name=a"),
    ("POST", f"/v25.0/{WABA}/flows"),
    ("POST", "/v25.0/1037543291543636"),
    ("DELETE", "/v25.0/1037543291543636"),
]


async def test_reading_and_an_apps_own_business_take_no_more_than_that(call: Caller, graph: Recorder) -> None:
    for method, path in OWN_BUSINESS:
        assert (await call(method, path, SENDER)).status == 200, (method, path)
    assert [request[:2] for request in graph.requests] == OWN_BUSINESS


async def test_what_is_anothers_is_not_there_rather_than_forbidden(call: Caller, graph: Recorder) -> None:
    for path in (OTHER_NUMBER, f"{OTHER_NUMBER}/register", f"{OTHER_WABA}/subscribed_apps", "9/register"):
        got = await call("POST", f"/v25.0/{path}", SENDER)

        assert (got.status, got.error["error_subcode"]) == (404, 33), path
    assert graph.requests == []
