"""Answers to a send: Meta's, read; and ours, in Meta's shape.

Source: Meta, "Send messages" (response) and the Message API reference (`message_status`).
"""

import re
from typing import Any

from msgspec import Struct

from .errors import graph_error
from .json_text import BadJson, read_json
from .recipients import RecipientKind
from .request import Request

#: Whatever is not of this shape is no id of Meta's: it would end up in keys, logs and other systems.
_WAMID = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{1,512}")
_WA_ID = re.compile(r"[0-9]{1,20}")
_USER_ID = re.compile(r"[!-~]{1,160}")
_STATUS = re.compile(r"[a-z_]{1,64}")
#: The answer as Meta writes it mostly, with what an Acceptance has of it in its order. What is so is JSON that can be
#: read in one way only.
_USUAL = re.compile(
    r'\{"messaging_product":"whatsapp",'
    r'"contacts":\[\{"input":"[ -!#-[\]-~]{1,64}","wa_id":"([0-9]{1,20})"\}\],'
    r'"messages":\[\{"id":"(wamid\.[A-Za-z0-9+/=_-]{1,512})"(?:,"message_status":"([a-z_]{1,64})"|)\}\]\}'
)


class Acceptance(Struct, frozen=True, gc=False):
    """Proof that Meta took a message. Ids are left out of `repr`: a wamid holds the user's phone number."""

    wa_id: str | None
    """The user's WhatsApp id, which can differ from the number sent to; digits."""
    wamid: str
    message_status: str
    """`accepted`, `held_for_quality_assessment` or `paused`; `accepted` when Meta leaves it out."""
    user_id: str | None = None
    """The user's business-scoped id."""

    def __repr__(self) -> str:
        return f"Acceptance(message_status={self.message_status!r})"


def read_acceptance(raw: bytes) -> Acceptance | None:
    """What Meta's answer says of an accepted message; None for whatever does not prove acceptance."""
    # What is so is ASCII, which is the same by this name.
    if usual := _USUAL.fullmatch(raw.decode("latin-1")):
        return Acceptance(*usual.groups("accepted"))
    try:
        answer = read_json(raw)
    except BadJson:
        return None
    if not isinstance(answer, dict) or answer.get("error") is not None:
        return None
    message = _first(answer.get("messages"))
    wamid = _matching(_WAMID, message.get("id"))
    if wamid is None:
        return None
    contact = _first(answer.get("contacts"))
    return Acceptance(
        wa_id=_matching(_WA_ID, contact.get("wa_id")),
        wamid=wamid,
        message_status=_matching(_STATUS, message.get("message_status")) or "accepted",
        user_id=_matching(_USER_ID, contact.get("user_id")),
    )


def queued_answer(
    request: Request, message_id: str, *, verdict: str, reason: str | None = None, until: str | None = None
) -> dict[str, Any]:
    """The answer to a send that was taken but has not (or not provably) reached Meta; HTTP status 200.

    Clients need `contacts[0]` with the recipient as they spelled it, and `messages[0].id`. `until` is
    RFC 3339.
    """
    message = {"id": message_id, "message_status": "held_for_quality_assessment"}
    contact = {"input": request.recipient_input}
    contact["user_id" if request.kind is RecipientKind.BSUID else "wa_id"] = request.recipient
    if request.kind is RecipientKind.GROUP:
        message["group_id"] = request.recipient
    return {
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [message],
        "tidegate": _explanation(verdict, reason, until),
    }


def refused_answer(
    code: int,
    details: str,
    message_id: str,
    *,
    verdict: str = "reject",
    reason: str | None = None,
    until: str | None = None,
) -> dict[str, Any]:
    """The answer to a send that may not go, as a Graph error with the code's own title.

    `details` says what, which rule, and until when; it must hold nothing that the caller sent.
    """
    return graph_error(code, None, details, message_id, extra={"tidegate": _explanation(verdict, reason, until)})


def _explanation(verdict: str, reason: str | None, until: str | None) -> dict[str, str]:
    parts = {"verdict": verdict, "reason": reason, "until": until}
    return {key: value for key, value in parts.items() if value is not None}


def _first(value: object) -> dict[str, Any]:
    """The first object of a list; an empty one where there is none."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return value[0]
    return {}


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
