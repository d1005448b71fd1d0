"""Requests that are right, one of each kind: what fuzzing starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.badinput.stage import SEND
from tests.factories import make_order
from tests.integration.edge.callers import NUMBER, OPERATOR, PORTFOLIO, WABA, template

_RECORDED: Final = Path(__file__).parents[1] / "unit" / "cloudapi" / "fixtures"
_V1: Final = "/gateway/v1"
JSON: Final = ("Content-Type", "application/json")
FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Seed:
    """A request. `document`: its JSON body, or None where `body` is something else. `signed`: as Meta signs."""

    method: str
    path: str
    document: Any = None
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    key: str | None = OPERATOR
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Plane:
    """The requests of one face."""

    name: str
    seeds: tuple[Seed, ...] = field(repr=False)


def _message(type_: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": "+16505551234", "type": type_, type_: content} | more


_PARAMETERS: Final = [{"type": "body", "parameters": [{"type": "text", "text": "Ann"}, {"type": "text", "text": "5"}]}]
_MESSAGES: Final = (
    template(),
    template(biz_opaque_callback_data="mine", context={"message_id": "wamid.x"}),
    _message("template", {"name": "offer", "language": {"code": "en_US"}, "components": _PARAMETERS}),
    _message("text", {"body": "Hello", "preview_url": False}),
    _message("image", {"link": "https://example.com/a.png", "caption": "c"}),
    _message("location", {"latitude": 1.5, "longitude": "2", "name": "n", "address": "a"}),
    _message("reaction", {"message_id": "wamid.x", "emoji": "x"}),
    _message("interactive", {"type": "button", "body": {"text": "t"}, "action": {"buttons": []}}),
    _message("contacts", [{"name": {"formatted_name": "Bob"}, "phones": [{"phone": "+1"}]}]),
    {"messaging_product": "whatsapp", "recipient": "US.13491208655302741918", "type": "text", "text": {"body": "x"}},
    {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"},
)
_WISHES: Final = (
    ("Idempotency-Key", "order-17"),
    ("Tidegate-Category", "utility"),
    ("Tidegate-Hold", "reject"),
    ("Tidegate-Expires", "60"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)
_PART: Final = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nPNG\r\n--b--\r\n'

DATA: Final = Plane(
    "data plane",
    (
        *(Seed("POST", SEND, body, headers=(JSON,)) for body in _MESSAGES),
        Seed("POST", f"/{NUMBER}/marketing_messages", template(), headers=(JSON, *_WISHES)),
        Seed("POST", f"{SEND}?fields=a&access_token={OPERATOR}", template(), headers=(JSON,), key=None),
        Seed(
            "POST",
            SEND,
            body=f"messaging_product=whatsapp&to=16505551234&type=text&text=%7B%22body%22%3A%22x%22%7D&access_token={OPERATOR}".encode(),
            headers=(FORM,),
            key=None,
        ),
        Seed("GET", f"/v25.0/{NUMBER}?fields=quality_rating%2Cstatus"),
        Seed("GET", f"/{WABA}/message_templates?limit=5&after=abc"),
        Seed("POST", f"/v25.0/{WABA}/message_templates", {"name": "n", "language": "en_US"}, headers=(JSON,)),
        Seed("POST", f"/v25.0/{NUMBER}/register", body=b"pin=123456&data_localization_region=DE", headers=(FORM,)),
        Seed(
            "POST",
            f"/v25.0/{NUMBER}/media",
            body=_PART,
            headers=(("Content-Type", "multipart/form-data; boundary=b"),),
        ),
        Seed("DELETE", f"/v25.0/{WABA}/message_templates?name=n"),
    ),
)

CONTROL: Final = Plane(
    "control plane",
    (
        Seed("GET", f"{_V1}/portfolios/{PORTFOLIO}/capacity"),
        Seed("GET", f"{_V1}/numbers/{NUMBER}/health"),
        Seed("GET", f"{_V1}/quality?days=30"),
        Seed("GET", f"{_V1}/messages/wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="),
        Seed("DELETE", f"{_V1}/messages/tg1f0c2b7a-05kq"),
        Seed("POST", f"{_V1}/decide?number={NUMBER}", template(), headers=(JSON,)),
        Seed("GET", f"{_V1}/queue"),
        Seed("GET", f"{_V1}/standing"),
        Seed("POST", f"{_V1}/breakers:close", {"id": "a-breaker", "reason": "over"}, headers=(JSON,)),
        Seed("POST", f"{_V1}/books:accept", {"portfolio": PORTFOLIO, "reason": "known"}, headers=(JSON,)),
        Seed(
            "POST",
            f"{_V1}/pauses",
            {"scope": {"campaign": "spring"}, "reason": "stop", "for": "1s"},
            headers=(JSON,),
        ),
        Seed("DELETE", f"{_V1}/pauses/a-pause"),
        Seed(
            "PUT",
            f"{_V1}/recipients/+16505550000/consent",
            {"marketing": True, "utility": False, "source": "form", "zone": "Europe/Berlin"},
            headers=(JSON,),
        ),
        Seed("GET", f"{_V1}/recipients/%2B16505550000/consent"),
        Seed("DELETE", f"{_V1}/recipients/+16505550000?forget=true"),
        Seed("GET", f"{_V1}/wallets/{WABA}"),
        Seed("POST", f"{_V1}/wallets/{WABA}/top-ups", {"amount": "1.50", "reference": "a-1"}, headers=(JSON,)),
        Seed(
            "POST", f"{_V1}/campaigns", make_order(steps=[{"share": 0.1, "gate": True}, {"share": 1}]), headers=(JSON,)
        ),
        Seed("GET", f"{_V1}/campaigns/cmp-068vh1o20g5s8t2u"),
        Seed(
            "POST",
            f"{_V1}/campaigns/cmp-068vh1o20g5s8t2u/audience",
            body=b'to,first_name\n+16505550000,"Ann"\n',
            headers=(("Content-Type", "text/csv"),),
        ),
        Seed("GET", f"{_V1}/campaigns/cmp-068vh1o20g5s8t2u/recipients?state=failed&format=csv"),
        Seed("GET", f"{_V1}/campaigns/cmp-068vh1o20g5s8t2u/report"),
        Seed(
            "POST",
            f"{_V1}/outcomes",
            {"outcomes": [{"id": "order 7", "message": "wamid.x", "kind": "journey", "step": "paid", "value": 0.5}]},
            headers=(JSON,),
        ),
        Seed("GET", f"{_V1}/rules"),
        Seed("PUT", f"{_V1}/rules", {"headroom": 0.05, "pacing_wait": "100ms"}, headers=(JSON, ("If-Match", "*"))),
        Seed("GET", "/healthz", key=None),
        Seed("GET", "/metrics", key=None),
        Seed("GET", "/openapi.json", key=None),
    ),
)


def webhooks() -> Plane:
    """Every recorded webhook, as Meta signs it, and the handshake."""
    told = [json.loads(path.read_bytes()) for path in sorted(_RECORDED.glob("wh_*.json"))]
    envelopes = [one for one in told if isinstance(one, dict) and "entry" in one]
    assert len(envelopes) > 20
    hooks = (Seed("POST", "/webhooks/whatsapp", one, headers=(JSON,), key=None, signed=True) for one in envelopes)
    query = "hub.mode=subscribe&hub.verify_token=hub-verify-token&hub.challenge=1158201444"
    return Plane("webhooks", (*hooks, Seed("GET", f"/webhooks/whatsapp?{query}", key=None)))


def planes() -> tuple[Plane, ...]:
    """In this order: what comes later may stop sends, and then nothing gets as far as before."""
    return (DATA, CONTROL, webhooks())
