"""Bodies of sends for the tests of `messages`: those that are read, and those that are refused."""

from typing import Any

TO = "+16505551234"


class _Absent:
    """Stands for a part that is not there. Its repr is the same in every process: tests are named by it."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


def a_body(**changes: Any) -> dict[str, Any]:
    """A text message with some of its parts changed; ABSENT takes a part away."""
    body = {"messaging_product": "whatsapp", "to": TO, "type": "text", "text": {"body": "Hello"}, **changes}
    return {key: value for key, value in body.items() if value is not ABSENT}


def a_message(type_: str, content: object) -> dict[str, Any]:
    return a_body(**{"text": ABSENT, "type": type_, type_: content})


def interactive(type_: str, action: dict[str, Any]) -> dict[str, Any]:
    return {"type": type_, "body": {"text": "Choose"}, "action": action}


MESSAGES: dict[str, tuple[str, object]] = {
    "a text": ("text", {"body": "Hello", "preview_url": False}),
    "an image by id": ("image", {"id": "1479537139650973", "caption": "x"}),
    "a video by link": ("video", {"link": "https://example.com/a.mp4"}),
    "a voice note": ("audio", {"id": "1", "voice": True}),
    "a document": ("document", {"link": "https://example.com/a.pdf", "filename": "a.pdf"}),
    "a sticker": ("sticker", {"id": "1"}),
    "a location": ("location", {"latitude": 37.4, "longitude": -122, "name": "HQ"}),
    "a location in strings": ("location", {"latitude": "37.4", "longitude": "-122.1"}),
    "contacts": ("contacts", [{"name": {"formatted_name": "Ann"}, "phones": [{"phone": "+1"}]}]),
    "a reaction": ("reaction", {"message_id": "wamid.x", "emoji": "\U0001f600"}),
    "a reaction taken back": ("reaction", {"message_id": "wamid.x", "emoji": ""}),
    "buttons": ("interactive", interactive("button", {"buttons": [{"type": "reply"}]})),
    "a list": ("interactive", interactive("list", {"button": "Open", "sections": []})),
    "a link button": ("interactive", interactive("cta_url", {"name": "cta_url", "parameters": {}})),
    "a flow": ("interactive", interactive("flow", {"name": "flow", "parameters": {}})),
    "products": ("interactive", interactive("product_list", {"catalog_id": "1", "sections": []})),
    "a request for a location": (
        "interactive",
        interactive("location_request_message", {"name": "send_location"}),
    ),
    "a template": ("template", {"name": "hello", "language": {"code": "en_US"}}),
    "a template with parameters": (
        "template",
        {"name": "hello", "language": {"code": "en", "policy": "deterministic"}, "components": []},
    ),
}


TEMPLATE = {"name": "a", "language": {"code": "en"}}

REFUSED: dict[str, tuple[object, str]] = {
    "a list in place of an object": ([], "body"),
    "a string in place of an object": ("x", "body"),
    "no product": (a_body(messaging_product=ABSENT), "messaging_product"),
    "another product": (a_body(messaging_product="sms"), "messaging_product"),
    "a product that is a number": (a_body(messaging_product=1), "messaging_product"),
    "another status than read": (a_body(status="delivered"), "status"),
    "a status that is no string": (a_body(status=True), "status"),
    "no recipient": (a_body(to=ABSENT), "to"),
    "an empty recipient": (a_body(to=""), "to"),
    "a number as recipient": (a_body(to=16505551234), "to"),
    "a list of recipients": (a_body(to=[TO]), "to"),
    "a user id that is a number": (a_body(to=ABSENT, recipient=1), "recipient"),
    "a phone number as user id": (a_body(to=ABSENT, recipient=TO), "recipient"),
    "two recipients": (a_body(recipient="US.1"), "to, recipient"),
    "two spellings of one recipient": (a_body(recipient="16505551234"), "to, recipient"),
    "full-width digits": (a_body(to="＋１６５０５５５１２３４"), "to"),
    "Arabic digits": (a_body(to="١٦٥٠٥٥٥١٢٣٤"), "to"),
    "an unknown kind of recipient": (a_body(recipient_type="channel"), "recipient_type"),
    "a kind of recipient that is an object": (a_body(recipient_type={}), "recipient_type"),
    "a group without an id": (a_body(recipient_type="group", to=ABSENT), "to"),
    "a group given as a user": (a_body(recipient_type="group", to=ABSENT, recipient="US.1"), "to"),
    "a group id with a space": (a_body(recipient_type="group", to="a b"), "to"),
    "an unknown type": (a_body(type="poll"), "type"),
    "a type that only users send": (a_body(type="button", button={}), "type"),
    "a type that is a list": (a_body(type=["text"]), "type"),
    "a text without text": (a_body(text=ABSENT), "text"),
    "a text that is a string": (a_body(text="Hello"), "text"),
    "a text with a null body": (a_body(text={"body": None}), "text.body"),
    "a text with an empty body": (a_body(text={"body": ""}), "text.body"),
    "a text with a number for a body": (a_body(text={"body": 5}), "text.body"),
    "content of another type": (a_body(type="image"), "image"),
    "an image from nowhere": (a_message("image", {"caption": "x"}), "image.id or link"),
    "an image with a number for an id": (a_message("image", {"id": 5}), "image.id or link"),
    "a location without longitude": (a_message("location", {"latitude": 1}), "location.longitude"),
    "a latitude that is true": (a_message("location", {"latitude": True}), "location.latitude"),
    "no contacts": (a_message("contacts", []), "contacts"),
    "contacts that are an object": (a_message("contacts", {"name": {}}), "contacts"),
    "a contact that is a string": (a_message("contacts", [{}, "Ann"]), "contacts"),
    "a reaction to nothing": (a_message("reaction", {"emoji": "x"}), "reaction.message_id"),
    "an interactive message without a type": (a_message("interactive", {"action": {}}), "interactive.type"),
    "an interactive message without an action": (
        a_message("interactive", {"type": "button"}),
        "interactive.action",
    ),
    "a template in a list": (a_message("template", [TEMPLATE]), "template"),
    "a template without a name": (a_message("template", {**TEMPLATE, "name": None}), "template.name"),
    "a template with a name too long": (
        a_message("template", {**TEMPLATE, "name": "a" * 513}),
        "template.name",
    ),
    "a template with a line break in its name": (
        a_message("template", {**TEMPLATE, "name": "a\nb"}),
        "template.name",
    ),
    "a template with a bare language": (
        a_message("template", {**TEMPLATE, "language": "en"}),
        "template.language",
    ),
    "a template without a language code": (
        a_message("template", {**TEMPLATE, "language": {}}),
        "template.language.code",
    ),
    "a template with an empty language code": (
        a_message("template", {**TEMPLATE, "language": {"code": ""}}),
        "template.language.code",
    ),
    "components that are an object": (
        a_message("template", {**TEMPLATE, "components": {}}),
        "template.components",
    ),
    "a context that is a string": (a_body(context="wamid.x"), "context"),
    "callback data that is an object": (a_body(biz_opaque_callback_data={}), "biz_opaque_callback_data"),
    "callback data of more than 512 characters": (
        a_body(biz_opaque_callback_data="\u00e9" * 513),
        "biz_opaque_callback_data",
    ),
    "an unknown category": (a_body(category="service"), "category"),
    "a category that is a number": (a_body(category=1), "category"),
}
