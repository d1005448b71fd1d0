"""Bodies as they are sent: those that were read, with our callback data."""

from typing import Final

from orjson import dumps

from .opaque import CALLBACK_DATA
from .recipients import RecipientKind
from .request import Request

#: Asked for at each send, as a name of this module.
_PHONE: Final = RecipientKind.PHONE
_TO: Final = b'"to"'
_THEN_OPAQUE: Final = b',"%b":' % CALLBACK_DATA.encode()
#: How most messages to a phone number begin, as they are written anew.
_USUAL_BEGINNINGS: Final = (
    b'{"messaging_product":"whatsapp","recipient_type":"individual","to":"',
    b'{"messaging_product":"whatsapp","to":"',
)


def serialise(request: Request, opaque: str | None) -> bytes:
    """The body to send for `request`, as JSON, with `opaque` as its callback data unless None.

    A phone number is written with its `+`: without one Meta may put the business number's own country code
    before it, and the message would reach somebody else than the user it was counted for (Meta, "Send
    messages").
    """
    text = request.text
    if text and opaque is not None:
        for opening in _USUAL_BEGINNINGS:
            # The key stands where it can be no other one, whatever is written behind it.
            if text.startswith(opening) and request.kind is _PHONE:
                return b"".join(
                    (
                        opening,
                        b"+",
                        request.recipient.encode(),
                        text[len(opening) + len(request.recipient_input) : -1],
                        _THEN_OPAQUE,
                        dumps(opaque),
                        b"}",
                    )
                )
        if put := _put_into_text(request, opaque):
            return put
    body = dict(request.body)
    if request.kind is _PHONE:
        body["to"] = f"+{request.recipient}"
    if opaque is not None:
        body[CALLBACK_DATA] = opaque
    return dumps(body)


def _put_into_text(request: Request, opaque: str) -> bytes | None:
    """What `serialise` writes, to the byte, without all of it being written once more; None where that takes more."""
    text = request.text
    # Without escapes a key is in the text as it is, so that what looks like the one key there can be nothing else.
    if text.find(b"\\") >= 0:
        return None
    if request.kind is not _PHONE:
        return b"".join((text[:-1], _THEN_OPAQUE, dumps(opaque), b"}"))
    begin, named = text.find(_TO), b'"to":"%b"' % request.recipient_input.encode()
    if not text.startswith(named, begin) or text.find(_TO, begin + len(_TO)) >= 0:
        return None
    return b"".join(
        (
            text[:begin],
            b'"to":"+',
            request.recipient.encode(),
            b'"',
            text[begin + len(named) : -1],
            _THEN_OPAQUE,
            dumps(opaque),
            b"}",
        )
    )
