"""Who a recipient is: one user, whatever the spelling; stored only as a keyed hash."""

from __future__ import annotations

import hashlib
import re

from tidegate.cloudapi.messages import RecipientKind

# Brazil's mobile numbers got a ninth digit; WhatsApp ids still come without it. Landlines begin with 2 to 5.
_BRAZIL_OLD = re.compile(r"(55[1-9][0-9])([6-9][0-9]{7})")
# Mexico's mobile numbers lost the 1 after the country code; WhatsApp ids may still have it.
_MEXICO_OLD = re.compile(r"521([0-9]{10})")
#: Numbers of both countries begin so: what begins otherwise has one spelling, and nobody need be asked for it.
AMBIGUOUS = "5"

#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_PHONE = RecipientKind.PHONE


def canonical_phone(digits: str) -> str:
    """One spelling of a phone number (digits, country code first) for all that numbering plans prove equal."""
    if digits.startswith(AMBIGUOUS):
        if match := _BRAZIL_OLD.fullmatch(digits):
            return f"{match[1]}9{match[2]}"
        if match := _MEXICO_OLD.fullmatch(digits):
            return f"52{match[1]}"
    return digits


class Identity:
    """Turns recipients into the 16 bytes that stand for them in the store. Holds the key; shows it nowhere."""

    __slots__ = ("_key", "_phone", "_seal", "_users")

    def __init__(self, key: bytes) -> None:
        """`key`: at least 32 bytes. Another key, other recipients: it must not change while anything is counted."""
        self._key = hashlib.blake2b(key, digest_size=32, person=b"tidegate-user").digest()
        #: Fed with the key and the kind already: a copy costs less than to begin anew.
        self._users = {
            kind: hashlib.blake2b(f"{kind.value}:".encode(), digest_size=16, key=self._key) for kind in RecipientKind
        }
        self._phone = self._users[_PHONE]
        self._seal = hashlib.blake2b(b"opaque:", digest_size=8, key=self._key)

    @property
    def mark(self) -> str:
        """Tells this key from any other, and nothing of what it is (16 hex digits)."""
        return hashlib.blake2b(b"mark", digest_size=8, key=self._key).hexdigest()

    def of(self, kind: RecipientKind, recipient: str) -> bytes:
        """The recipient's hash: a phone in digits, a business-scoped user id, or a group id."""
        if kind is _PHONE:
            named = self._phone.copy()
            if recipient.startswith(AMBIGUOUS):
                recipient = canonical_phone(recipient)
        else:
            named = self._users[kind].copy()
        named.update(recipient.encode())
        return named.digest()

    def seal(self, message_id: str) -> str:
        """A short proof that a message id in a webhook's opaque data was written by us (16 hex digits)."""
        sealed = self._seal.copy()
        sealed.update(message_id.encode())
        return sealed.hexdigest()
