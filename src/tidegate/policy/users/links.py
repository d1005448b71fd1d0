"""Which names are one user's, as far as Meta shows it: a phone number, a WhatsApp id, business-scoped user ids.

Sources: Meta, "Business-scoped user IDs" (an id belongs to one user of a portfolio, and is made anew when the user
takes another phone number), "Send messages" (`wa_id` may differ from the number sent to), webhooks `messages`,
`user_preferences`, `user_id_update`.

A link is proven where Meta names one user by both names at once; it then counts for everything. It is suspected where
a user took a new number (the old one may be somebody else's tomorrow), or where two spellings of a number often, and
not always, mean one phone; then only refusals are shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tidegate.cloudapi.events import (
    Event,
    IdentityChange,
    InboundMessage,
    StatusUpdate,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.messages import Acceptance, RecipientKind, Request
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.identity import canonical_phone

# An Argentine mobile number is dialled from abroad with a 9 after the country code. WhatsApp names it with the 9, but
# takes sends without; and without it the digits may also be a landline's.
#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_PHONE = RecipientKind.PHONE
_DELIVERED = MessageStatus.DELIVERED
_ARGENTINA_MOBILE = re.compile("549([0-9]{10})")
_ARGENTINA_OTHER = re.compile("54([1-8][0-9]{9})")


@dataclass(frozen=True, slots=True)
class Name:
    """What a user is named by. `text`: digits of a phone number, or a user id; `repr` shows neither."""

    kind: RecipientKind
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """`alias` is another name of `user`: proven, or suspected. `at_ms`: when that was so, by Meta's time."""

    alias: Name
    user: Name
    proven: bool
    at_ms: int


def links_of(event: Event) -> tuple[Link, ...]:
    """What an event shows of a user's names; () for most.

    Of statuses only `delivered` is read: each of a message's statuses shows the same.
    """
    if isinstance(event, StatusUpdate):
        # Most name nobody but by a number.
        if event.status is not _DELIVERED or (event.user_id is None and event.parent_user_id is None):
            return ()
        return tuple(_together(event))
    match event:
        case InboundMessage() | UserPreference():
            return (*_together(event), *_spellings(event.phone, event.at_ms))
        case IdentityChange():
            return tuple(_changed(event))
        case UserIdUpdate():
            return tuple(_renewed(event))
        case _:
            return ()


def is_as_sent_to(request: Request, acceptance: Acceptance) -> bool:
    """Whether Meta's answer names the number that was sent to, and so shows nothing that was not known."""
    return acceptance.wa_id == request.recipient and request.kind is _PHONE


def links_of_answer(request: Request, acceptance: Acceptance, at_ms: int) -> tuple[Link, ...]:
    """What Meta's answer to a send shows, beyond what the message's statuses will: () for most.

    That is a WhatsApp id other than the number sent to, and the number behind a user id that was sent to.
    """
    if acceptance.wa_id is None or is_as_sent_to(request, acceptance) or request.kind is RecipientKind.GROUP:
        return ()
    sent_to = Name(request.kind, request.recipient)
    return tuple(_links(_phone(acceptance.wa_id), (sent_to,), at_ms))


def spellings(name: Name, at_ms: int) -> tuple[Link, ...]:
    """The other numbers that may be the same phone."""
    return tuple(_spellings(name.text if name.kind is RecipientKind.PHONE else None, at_ms))


def _together(event: InboundMessage | StatusUpdate | UserPreference) -> Iterator[Link]:
    ids = (event.user_id, getattr(event, "parent_user_id", None))
    known = [Name(RecipientKind.BSUID, id_) for id_ in ids if id_ is not None]
    if event.phone is not None:
        yield from _links(_phone(event.phone), known, event.at_ms)
    elif known:
        yield from _links(known[0], known[1:], event.at_ms)


def _changed(event: IdentityChange) -> Iterator[Link]:
    for phone, user_id in ((event.old_phone, event.old_user_id), (event.new_phone, event.new_user_id)):
        if phone is not None and user_id is not None:
            yield from _links(_phone(phone), (Name(RecipientKind.BSUID, user_id),), event.at_ms)
    before = _best(event.old_phone, event.old_user_id)
    after = _best(event.new_phone, event.new_user_id)
    if before is not None and after is not None:
        yield from _links(after, (before,), event.at_ms, proven=False)


def _renewed(event: UserIdUpdate) -> Iterator[Link]:
    current = Name(RecipientKind.BSUID, event.user_id)
    if event.phone is not None:
        yield from _links(_phone(event.phone), (current,), event.at_ms)
    if event.previous_user_id is not None:
        # The id changes with the number, and this webhook does not say to which number the previous id belonged.
        previous = Name(RecipientKind.BSUID, event.previous_user_id)
        yield from _links(current, (previous,), event.at_ms, proven=False)


def _best(phone: str | None, user_id: str | None) -> Name | None:
    if phone is not None:
        return _phone(phone)
    return None if user_id is None else Name(RecipientKind.BSUID, user_id)


def _spellings(phone: str | None, at_ms: int) -> Iterator[Link]:
    if phone is None:
        return
    if match := _ARGENTINA_MOBILE.fullmatch(phone):
        yield Link(_phone(f"54{match[1]}"), _phone(phone), False, at_ms)
    elif match := _ARGENTINA_OTHER.fullmatch(phone):
        yield Link(_phone(f"549{match[1]}"), _phone(phone), False, at_ms)


def _links(user: Name, aliases: list[Name] | tuple[Name, ...], at_ms: int, *, proven: bool = True) -> Iterator[Link]:
    yield from (Link(alias, user, proven, at_ms) for alias in aliases if alias != user)


def _phone(digits: str) -> Name:
    return Name(RecipientKind.PHONE, canonical_phone(digits))
