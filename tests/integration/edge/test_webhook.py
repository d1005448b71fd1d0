"""Meta's webhooks over HTTP: the handshake, the signature, and what each answer promises."""

from __future__ import annotations

import io
import json

import pytest

from tests.integration.edge.callers import ANN, APP_SECRET, Caller, Recorder, raw_exchange, signed, template
from tests.waiting import until
from tidegate.edge.webhook import MOST

PATH = "/webhooks/whatsapp"


def envelope(*changes: object) -> bytes:
    entry = {"id": "102290129340398", "time": 1_790_000_000, "changes": list(changes)}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


LIMIT = {"field": "business_capability_update", "value": {"max_daily_conversations_per_business": 10_000}}


class TestHandshake:
    @pytest.mark.parametrize("challenge", ["1158201444", "abc-DEF_9"])
    async def test_whoever_knows_the_token_gets_the_challenge_back(self, bare: Caller, challenge):
        query = f"hub.mode=subscribe&hub.verify_token=hub-verify-token&hub.challenge={challenge}"

        got = await bare("GET", f"{PATH}?{query}", None)

        assert (got.status, got.raw, got["Content-Type"]) == (200, challenge.encode(), "text/plain; charset=utf-8")

    @pytest.mark.parametrize(
        "query",
        [
            pytest.param("", id="nothing"),
            pytest.param("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1", id="a wrong token"),
            pytest.param("hub.mode=subscribe&hub.verify_token=%FF%ED&hub.challenge=1", id="a token that is no text"),
            pytest.param("hub.verify_token=hub-verify-token&hub.challenge=1", id="no mode"),
            pytest.param("hub.mode=subscribe&hub.verify_token=hub-verify-token", id="no challenge"),
            pytest.param(
                "hub.mode=subscribe&hub.verify_token=hub-verify-token&hub.challenge=%3Cscript%3E", id="a script"
            ),
            pytest.param(
                "hub.mode=subscribe&hub.verify_token=hub-verify-token&hub.challenge=%D9%A1", id="an Arabic digit"
            ),
        ],
    )
    async def test_whoever_does_not_gets_an_empty_403(self, bare: Caller, query):
        got = await bare("GET", f"{PATH}?{query}", None)

        assert (got.status, got.raw) == (403, b"")


class TestSignature:
    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({}, id="none"),
            pytest.param({"X-Hub-Signature-256": "sha256=" + "0" * 64}, id="a wrong one"),
            pytest.param({"X-Hub-Signature-256": "sha256=" + "0" * 63}, id="a short one"),
            pytest.param({"X-Hub-Signature": "sha1=" + "0" * 40}, id="an old one"),
            pytest.param(signed(envelope(LIMIT), "another-secret"), id="one by another app"),
            pytest.param(signed(envelope(LIMIT) + b" "), id="one of another body"),
        ],
    )
    async def test_a_wrong_one_is_a_constant_empty_401_and_changes_nothing(self, bare: Caller, headers):
        got = await bare("POST", PATH, None, data=envelope(LIMIT), headers=headers)

        assert (got.status, got.raw) == (401, b"")
        capacity = await bare("GET", "/gateway/v1/portfolios/lucky-shrub/capacity")
        assert (capacity.body["messaging_limit"], capacity.body["limit_source"]) == (2_000, "config")

    @pytest.mark.parametrize("value", [b"sha256=\xff\xfe", b"sha256=" + "ä".encode() * 64, b"\x80"])
    async def test_one_that_is_not_ascii_is_a_401_too(self, bare: Caller, value):
        body = envelope(LIMIT)
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n".encode()

        answer = await raw_exchange(bare.url, head + b"X-Hub-Signature-256: " + value + b"\r\n\r\n" + body)

        assert answer.startswith(b"HTTP/1.1 401 ")
        assert answer.endswith(b"\r\n\r\n")

    async def test_two_are_a_401(self, bare: Caller):
        body = envelope(LIMIT)
        right = signed(body)["X-Hub-Signature-256"]
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        head += f"X-Hub-Signature-256: {right}\r\nX-Hub-Signature-256: {right}\r\n\r\n"

        assert (await raw_exchange(bare.url, head.encode() + body)).startswith(b"HTTP/1.1 401 ")

    @pytest.mark.parametrize("secret", [APP_SECRET, "next-app-secret"])
    async def test_any_of_the_app_secrets_may_sign(self, bare: Caller, secret):
        body = envelope(LIMIT)

        got = await bare("POST", PATH, None, data=body, headers=signed(body, secret))

        assert (got.status, got.raw) == (200, b"")
        capacity = await bare("GET", "/gateway/v1/portfolios/lucky-shrub/capacity")
        assert (capacity.body["messaging_limit"], capacity.body["limit_source"]) == (10_000, "webhook")

    async def test_it_covers_the_bytes_as_they_came_escaped_or_not(self, bare: Caller):
        for body in ('{"object":"ä"}'.encode(), b'{"object":"\\u00e4"}'):
            assert (await bare("POST", PATH, None, data=body, headers=signed(body))).status == 200


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"no json", id="no JSON"),
            pytest.param(b"[" * 100_000, id="100,000 levels"),
            pytest.param(b'{"object":"page"}', id="another object"),
            pytest.param(envelope({"field": "moon_phase", "value": {}}), id="an unknown field"),
            pytest.param(envelope("what"), id="a change that is none"),
        ],
    )
    async def test_what_meta_signed_is_a_200_whatever_it_is(self, bare: Caller, body):
        got = await bare("POST", PATH, None, data=body, headers=signed(body))

        assert (got.status, got.raw) == (200, b"")

    async def test_three_megabytes_are_taken(self, bare: Caller):
        body = envelope({"field": "messages", "value": {"pad": "x" * (MOST - 500)}})
        assert MOST - 500 < len(body) <= MOST

        assert (await bare("POST", PATH, None, data=io.BytesIO(body), headers=signed(body))).status == 200

    async def test_more_is_a_413(self, bare: Caller):
        body = b" " * (MOST + 1)

        got = await bare("POST", PATH, None, data=io.BytesIO(body), headers=signed(body))

        assert (got.status, got.raw) == (413, b"")

    @pytest.mark.impatient
    async def test_a_store_that_is_away_is_an_empty_503_so_that_meta_comes_back(self, bare: Caller, client):
        body = envelope(LIMIT)
        await client.execute_command("CLIENT PAUSE", 800, "ALL")

        got = await bare("POST", PATH, None, data=body, headers=signed(body))

        assert (got.status, got.raw) == (503, b"")

        async def is_back() -> bool:
            return (await bare("GET", "/readyz", None)).status == 200

        await until(is_back)

    async def test_answers_are_counted(self, bare: Caller):
        await bare("POST", PATH, None, data=b"x")

        assert 'tidegate_webhooks_total{status="401"} 1.0' in (await bare("GET", "/metrics", None)).raw.decode()


async def test_what_a_status_says_is_read_back(bare: Caller, graph: Recorder):
    sent = await bare.send(template())
    wamid = sent.body["messages"][0]["id"]
    opaque = json.loads(graph.requests[0][3])["biz_opaque_callback_data"]
    status = {
        "id": wamid,
        "status": "delivered",
        "timestamp": "1790000000",
        "recipient_id": ANN[1:],
        "biz_opaque_callback_data": opaque,
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        "statuses": [status],
    }
    body = envelope({"field": "messages", "value": value})

    assert (await bare("POST", PATH, None, data=body, headers=signed(body))).status == 200

    told = await bare("GET", f"/gateway/v1/messages/{sent['Tidegate-Id']}")
    assert told.body["state"] == "delivered"
