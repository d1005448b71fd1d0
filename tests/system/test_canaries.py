"""Nothing personal and nothing secret is left where it should not be: a run with marked values, and a search for them.

A real node with its store, its journal and a debug log is led through every face with numbers, texts, tokens and keys
that occur nowhere else. Then every byte that it wrote is searched for them in the spellings in which they might hide.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import pytest
from aiohttp import web

from tests.system.served import Served
from tests.waiting import until
from tidegate.settings import hash_key

NUMBER, WABA, PORTFOLIO = "106540352242922", "102290129340398", "lucky-shrub"
#: Whom the run writes to, and who writes to it.
SENT, QUEUED, INBOUND, ERASED, REFUSED, PASSED = (f"4917712349{n}87" for n in range(10, 16))
TOKEN, APP_SECRET, VERIFY = "EAAGcanaryMetaToken0123456789", "canary-app-secret-0123", "canary-verify-token-0123"
APP_KEY, WRONG_KEY = "tg_canary-app-key-0123456789", "tg_canary-wrong-key-0123456789"
IDENTITY, PAYLOAD = "canary identity key 0123456789 abcdef", "canary payload key 0123456789 abcdef.."
TEXT, PARAMETER, OPAQUE, HEARD = "canary text öü", "canary parameter", "canary opaque data", "canary words of a user"
IDEMPOTENCY, HOOK_SECRET = "canary-idempotency-key", "canary-webhook-secret-0123"

PERSONAL = (SENT, QUEUED, INBOUND, ERASED, REFUSED, PASSED, TEXT, PARAMETER, OPAQUE, HEARD)
SECRET = (TOKEN, APP_SECRET, VERIFY, APP_KEY, WRONG_KEY, IDENTITY, PAYLOAD, IDEMPOTENCY, HOOK_SECRET)

CONFIG = f"""
[server]
listen = "127.0.0.1:{{port}}"
[store]
url = "embedded:{{data}}"
[journal]
directory = "{{journal}}"
[upstream]
base_url = "{{upstream}}"
[webhook]
verify_token = "{VERIFY}"
app_secrets = ["{APP_SECRET}"]
[privacy]
identity_key = "{IDENTITY}"
payload_key = "{PAYLOAD}"
[[portfolio]]
id = "{PORTFOLIO}"
messaging_limit = 2000
[[portfolio.waba]]
id = "{WABA}"
access_token = "{TOKEN}"
[[portfolio.waba.number]]
id = "{NUMBER}"
[[app]]
name = "checkout"
key_sha256 = "{hash_key(APP_KEY)}"
scopes = ["send", "read", "admin"]
webhook_url = "https://hooks.invalid/whatsapp"
webhook_secret = "{HOOK_SECRET}"
[testing]
clock = true
"""


def spellings(word: str) -> Iterator[bytes]:
    """How a value might stand somewhere: plain, escaped, and encoded wherever it begins in what was encoded with it."""
    raw = word.encode()
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode())
    yield from (quote(word, safe="").encode(), quote_plus(word).encode(), json.dumps(word)[1:-1].encode())
    for before in range(3):
        # Base64 of the middle: what stands before and after shifts it, and touches its ends.
        padded = b"\0" * before + raw
        cut = padded[: len(padded) // 3 * 3]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(cut)[-(-before * 4 // 3) + (2 if before else 0) :]
    yield raw[::-1]


def found_in(content: bytes, words: tuple[str, ...]) -> set[str]:
    """Which of the words are in there."""
    return {word for word in words if any(spelling in content for spelling in spellings(word))}


def wamid(to: str, kind: bytes = b"\x15\x02") -> str:
    """An id as Meta makes them: the user's number stands in it, in base64."""
    return (
        "wamid."
        + base64.b64encode(b"\x1d\x06\x0d" + to.encode() + kind + hashlib.sha256(to.encode()).digest()[:9]).decode()
    )


@pytest.mark.parametrize("word", [*PERSONAL, *SECRET], ids=[f"value {n}" for n in range(len(PERSONAL + SECRET))])
def test_the_search_finds_a_value_in_every_spelling(word: str) -> None:
    for before in (b"", b"x", b"xy"):
        told = before + word.encode() + b"more"
        hidden = (
            told,
            told.hex().encode(),
            base64.b64encode(told),
            quote(told).encode(),
            base64.urlsafe_b64encode(told),
        )
        for content in (*hidden, json.dumps({"a": word}).encode()):
            assert found_in(b"..." + content + b"...", (word,)) == {word}
    assert found_in(b"..." + hash_key(word).encode(), (word,)) == set()


def test_metas_ids_are_among_what_the_search_finds() -> None:
    assert found_in(wamid(SENT).encode(), PERSONAL) == {SENT}


class Meta:
    """A stand-in for Graph that answers each send with an id like Meta's."""

    url = ""

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if request.method != "POST" or not request.path.endswith("messages"):
            return web.json_response({"data": []})
        to = json.loads(raw)["to"].lstrip("+")
        if to == REFUSED:
            details = {"messaging_product": "whatsapp", "details": f"{to} can't be reached"}
            error = {"message": f"(#131026) {to}", "type": "OAuthException", "code": 131026, "error_data": details}
            return web.json_response({"error": error}, status=400)
        contact, message = {"input": to, "wa_id": to}, {"id": wamid(to), "message_status": "accepted"}
        return web.json_response({"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]})


@pytest.fixture
async def meta() -> AsyncIterator[Meta]:
    made = Meta()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


class Run:
    """Calls of the node; what it answers to those who may not know is kept."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session
        self.answers_to_strangers: list[bytes] = []

    async def call(self, method: str, path: str, key: str | None = APP_KEY, **more: Any) -> Any:
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {key}"} if key else {})}
        async with self.session.request(method, self.url + path, headers=headers, **more) as answer:
            raw = await answer.read()
        if key != APP_KEY:
            self.answers_to_strangers.append(raw)
        return answer.status, json.loads(raw) if raw.startswith(b"{") else raw

    async def send(self, to: str, key: str | None = APP_KEY, **headers: str) -> str:
        parameters = [{"type": "body", "parameters": [{"type": "text", "text": PARAMETER}]}]
        template = {"name": "order", "language": {"code": "en"}, "components": parameters}
        body = {"messaging_product": "whatsapp", "to": f"+{to}", "type": "template", "template": template}
        return await self.post({**body, "biz_opaque_callback_data": OPAQUE}, key, **headers)

    async def post(self, body: dict[str, Any], key: str | None = APP_KEY, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        _, told = await self.call("POST", f"/v25.0/{NUMBER}/messages", key, json=body, headers=named)
        return str(told["messages"][0]["id"]) if "messages" in told else ""

    async def hear(self, value: dict[str, Any], secret: str = APP_SECRET) -> None:
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": METADATA, **value}}
        entry = {"id": WABA, "changes": [change]}
        raw = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        signature = "sha256=" + hmac.digest(secret.encode(), raw, "sha256").hex()
        await self.call("POST", "/webhooks/whatsapp", None, data=raw, headers={"X-Hub-Signature-256": signature})


METADATA = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}


async def through_every_face(run: Run) -> None:
    """What apps, Meta, operators and strangers may do."""
    now_s = (await run.call("GET", "/gateway/v1/testing/clock"))[1]["now_ms"] // 1000
    from_user = {"contacts": [{"profile": {"name": HEARD}, "wa_id": INBOUND}]}
    words = {"from": INBOUND, "id": wamid(INBOUND, b"\x12\x18"), "timestamp": str(now_s), "type": "text"}
    await run.hear({**from_user, "messages": [{**words, "text": {"body": HEARD}}]})
    await run.hear({**from_user, "messages": [{**words, "text": {"body": HEARD}}]}, secret="another")
    await run.post({"messaging_product": "whatsapp", "to": INBOUND, "type": "text", "text": {"body": TEXT}})

    sent = await run.send(SENT, Idempotency_Key=IDEMPOTENCY, Tidegate_Delivery="at_least_once")
    await run.send(SENT, Idempotency_Key=IDEMPOTENCY)
    await run.send(REFUSED)
    for status in ("sent", "delivered", "read"):
        told = {"id": sent, "status": status, "timestamp": str(now_s), "recipient_id": SENT}
        await run.hear({"statuses": [{**told, "biz_opaque_callback_data": OPAQUE}]})
    assert (await run.call("GET", f"/gateway/v1/messages/{quote(sent, safe='')}"))[1]["state"] == "read"

    later = {"Tidegate_Category": "utility", "Tidegate_Expires": "86400"}
    pause = {"scope": {"number": NUMBER}, "reason": "a complaint", "for": "1h"}
    _, paused = await run.call("POST", "/gateway/v1/pauses", json=pause)
    queued, erased = await run.send(QUEUED, **later), await run.send(ERASED, **later)
    assert (await run.call("GET", f"/gateway/v1/messages/{queued}"))[1]["state"] == "queued"
    assert (await run.call("DELETE", f"/gateway/v1/recipients/+{ERASED}"))[1]["cancelled"] == 1
    assert (await run.call("GET", f"/gateway/v1/messages/{erased}"))[1]["state"] in ("cancelled", None)
    await run.call("DELETE", f"/gateway/v1/pauses/{paused['id']}")
    consent = {"marketing": False, "source": "form 7"}
    await run.call("PUT", f"/gateway/v1/recipients/+{QUEUED}/consent", json=consent)
    await run.call("GET", f"/gateway/v1/recipients/+{QUEUED}/consent")
    for path in ("/gateway/v1/audit", "/gateway/v1/queue", "/gateway/v1/quality", "/gateway/v1/standing"):
        await run.call("GET", path)

    await run.call("GET", f"/v25.0/{NUMBER}?fields=id&access_token={APP_KEY}", None)
    await run.call("GET", f"/v25.0/{WABA}/phone_numbers?filter={PASSED}")
    await run.call("GET", f"/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token={VERIFY}x&hub.challenge=1", None)
    await run.send(PASSED, WRONG_KEY)
    await run.call("GET", f"/gateway/v1/recipients/+{PASSED}", WRONG_KEY)
    await run.call("GET", f"/nothing/{PASSED}?access_token={WRONG_KEY}", None)
    await run.call("POST", f"/v25.0/{NUMBER}/messages", data=f'{{"to":"{PASSED}'.encode())
    await run.call("POST", f"/v25.0/{NUMBER}/messages", data=gzip.compress(PASSED.encode()))
    await run.post({"messaging_product": "whatsapp", "to": PASSED * 3, "type": "text", "text": {"body": TEXT}})


def files(folder: Path) -> dict[str, bytes]:
    """What stands in every file below, but for the configuration."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "tidegate.toml")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


async def written(run: Run, folder: Path) -> dict[str, bytes]:
    """All that the node wrote, by where: its files, its metrics, its audit, its answers to strangers."""
    content = files(folder)
    content["metrics"] = (await run.call("GET", "/metrics"))[1]
    content["audit"] = json.dumps((await run.call("GET", "/gateway/v1/audit"))[1], ensure_ascii=False).encode()
    content["answers to strangers"] = b"\n".join(run.answers_to_strangers)
    return content


async def test_nothing_personal_and_no_secret_is_left_anywhere(
    meta: Meta, tmp_path: Path, unused_tcp_port: int
) -> None:
    config = tmp_path / "tidegate.toml"
    places = {"data": tmp_path / "data", "journal": tmp_path / "journal"}
    config.write_text(CONFIG.format(port=unused_tcp_port, upstream=meta.url, **places))
    served = Served(config, unused_tcp_port, "--log-level", "debug")
    try:
        await served.start()
        async with aiohttp.ClientSession() as session:
            run = Run(f"http://127.0.0.1:{unused_tcp_port}", session)
            await through_every_face(run)

            async def is_quiet() -> bool:
                queue = (await run.call("GET", "/gateway/v1/queue"))[1]
                return queue["waiting"] == 0

            await until(is_quiet)
            content = await written(run, tmp_path)
        assert await served.stop() == 0
        content |= {f"{path} at the end": left for path, left in files(tmp_path).items()}
    finally:
        await served.kill()

    kinds = " ".join(content)
    assert all(kind in kinds for kind in (".aof", ".journal", "log", "metrics", "audit"))
    assert any(b":relay:" in one for where, one in content.items() if ".aof" in where), "webhooks wait for their app"
    assert any(b"wamid:" in one for where, one in content.items() if ".aof" in where), "the file is read as it stands"
    left = {where: found for where, one in content.items() if (found := found_in(one, (*PERSONAL, *SECRET)))}
    assert left == {}
