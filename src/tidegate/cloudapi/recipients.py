"""Whom a message goes to, in one spelling."""

import re
from enum import StrEnum
from typing import Final

_phone = re.compile(r"\+?([1-9][0-9]{6,14})").fullmatch
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_GROUP = re.compile(r"[A-Za-z0-9+/=_.@-]{1,256}")
_SEPARATORS: Final = str.maketrans("", "", " -()")

#: Stands for the phone of a user who is not known any more where Meta's shape has one: no country code begins with 0.
NOBODY: Final = "0"


class RecipientKind(StrEnum):
    """What a recipient is named by: a phone number, a business-scoped user id, or a group id."""

    PHONE = "phone"
    BSUID = "bsuid"
    GROUP = "group"


def canonical_phone(text: str) -> str | None:
    """The digits of an international phone number, country code first; None when `text` is not one.

    Spaces, hyphens and parentheses may separate, as on Meta's page "Send messages"; `+` or `00` may lead. The
    bounds of 7 to 15 digits are E.164's. `(0)`, a national trunk digit that is not dialled from abroad, is
    refused: which number it means is a guess.
    """
    match = _phone(text) or _phone(_without_separators(text))
    return match[1] if match else None


def _without_separators(text: str) -> str:
    if "(0)" in text.replace(" ", ""):
        return ""
    digits = text.translate(_SEPARATORS)
    return digits.removeprefix("00") if not digits.startswith("00+") else ""


def is_bsuid(text: str) -> bool:
    """Whether `text` is a business-scoped user id, such as `US.13491208655302741918`, or a parent one.

    Source: Meta, "Business-scoped user IDs": ISO country code, a period (and `ENT.` in a parent id), then up
    to 128 letters and digits.
    """
    return _BSUID.fullmatch(text) is not None


def is_group_id(text: str) -> bool:
    """Whether `text` can be the id of a group, which Meta documents as opaque."""
    return _GROUP.fullmatch(text) is not None
