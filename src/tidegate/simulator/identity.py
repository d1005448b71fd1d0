"""Who a user is: the phone number that WhatsApp knows him by, and his business-scoped user id.

A user known by phone is named by its digits (`wa_id`), a user whose phone is hidden by his id. Ids are made
of the phone by a one-to-one scattering, so no register of users is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from tidegate.simulator.chance import mix, unmix

_SALT: Final = 0x5DEECE66D1CE4E5B
_USER_ID: Final = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_MADE_ID: Final = re.compile(r"US\.([0-9]{20})")


@dataclass(frozen=True, slots=True)
class User:
    """A WhatsApp user: `wa_id` is None while his phone number is hidden from the business."""

    wa_id: str | None = field(repr=False)
    user_id: str = field(repr=False)

    @property
    def key(self) -> str:
        """The one name that counts are kept under."""
        return self.wa_id or self.user_id


def user_by_phone(spelling: str) -> User | None:
    """Find the user behind a phone number in any spelling Meta accepts; None: it is no phone number.

    Meta (send messages): `+`, `-`, `(`, `)` and spaces are allowed. Mobile numbers of Brazil are known to
    WhatsApp without the ninth digit, so that `wa_id` differs from the input.
    """
    digits = re.sub(r"[ ()+-]", "", spelling)
    if not re.fullmatch("[0-9]{7,15}", digits):
        return None
    if re.fullmatch("55[0-9]{2}9[0-9]{8}", digits):
        digits = digits[:4] + digits[5:]
    return User(digits, f"US.{mix(int(digits) ^ _SALT):020d}")


def user_by_id(user_id: str) -> User | None:
    """Find the user behind a business-scoped user id; None: it is no such id."""
    if not _USER_ID.fullmatch(user_id):
        return None
    made = _MADE_ID.fullmatch(user_id)
    if made and int(made[1]) < 1 << 64:
        known = user_by_phone(str(unmix(int(made[1])) ^ _SALT))
        if known and known.user_id == user_id:
            return known
    return User(None, user_id)


def user_by_any(spelling: str) -> User | None:
    """Find a user by phone number or by user id."""
    return user_by_phone(spelling) or user_by_id(spelling)
