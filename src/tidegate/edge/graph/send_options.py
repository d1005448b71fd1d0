"""The request headers of a send, read strictly: a wish that is not understood is not passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import Struct
from multidict import CIMultiDictProxy

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.idempotency import read_key
from tidegate.edge.times import read_time
from tidegate.gateway.message import NO_HEADERS
from tidegate.gateway.wishes import NO_WISHES, Wishes
from tidegate.policy.rules import Delivery, Hold

Word = TypeVar("Word", Category, Hold, Delivery)

FURTHEST_MS: Final = 30 * 86_400_000
_PREFIX: Final = "tidegate-"
_KNOWN: Final = frozenset({"category", "hold", "expires", "not-before", "campaign", "dry-run", "delivery"})
_OF_THE_TIME: Final = ("Tidegate-Expires", "Tidegate-Not-Before")
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CAMPAIGN: Final = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class SendOptions(Struct, frozen=True, gc=False):
    """What a caller asks for beside the message. Times are the store's, in ms."""

    wishes: Wishes = NO_WISHES
    expires_at_ms: int | None = None
    not_before_ms: int = 0
    campaign: str | None = None
    dry_run: bool = False
    idempotency_key: str | None = None
    headers: Mapping[str, str] = NO_HEADERS
    """That go to Meta with it."""

    def __repr__(self) -> str:
        return f"SendOptions(wishes={self.wishes!r}, campaign={self.campaign!r})"

    def of_one(self, idempotency_key: str | None, headers: Mapping[str, str]) -> SendOptions:
        """The same for one request, of which this is said too."""
        return SendOptions(
            self.wishes,
            self.expires_at_ms,
            self.not_before_ms,
            self.campaign,
            self.dry_run,
            idempotency_key,
            headers,
        )


def read_lasting_options(headers: CIMultiDictProxy[str]) -> SendOptions | None:
    """The same where they mean the same whenever they are read; None where they rest on the time. Raises Denial."""
    return None if any(name in headers for name in _OF_THE_TIME) else read_options(headers, 0)


def read_options(headers: CIMultiDictProxy[str], now_ms: int) -> SendOptions:
    """The options in a request's headers. Raises Denial (bad request) that names the header and its rule."""
    given: dict[str, str] = {}
    for name, value in headers.items():
        lowered = name.lower()
        if lowered.startswith(_PREFIX) or lowered in ("idempotency-key", "traceparent"):
            if lowered in given:
                raise _bad(name, "is given twice")
            given[lowered] = value.strip()
    if not given:
        return SendOptions()
    for name in given:
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in _KNOWN:
            raise _bad("Tidegate-*", f"has to be one of {', '.join(sorted(_KNOWN))}")
    return _read(given, now_ms)


def _read(given: dict[str, str], now_ms: int) -> SendOptions:
    expires_at_ms = _expiry(given["tidegate-expires"], now_ms) if "tidegate-expires" in given else None
    not_before_ms = _start(given["tidegate-not-before"], now_ms) if "tidegate-not-before" in given else 0
    if expires_at_ms is not None and not_before_ms >= expires_at_ms:
        raise _bad("Tidegate-Not-Before", "has to be earlier than Tidegate-Expires")
    campaign = given.get("tidegate-campaign")
    if campaign is not None and not _CAMPAIGN.fullmatch(campaign):
        raise _bad("Tidegate-Campaign", "has to be 1 to 128 characters of printable ASCII")
    dry_run = given.get("tidegate-dry-run", "false").lower()
    if dry_run not in ("true", "false"):
        raise _bad("Tidegate-Dry-Run", "has to be true or false")
    return SendOptions(
        wishes=Wishes(
            _word(given, "Tidegate-Category", Category),
            _word(given, "Tidegate-Hold", Hold),
            _word(given, "Tidegate-Delivery", Delivery),
        ),
        expires_at_ms=expires_at_ms,
        not_before_ms=not_before_ms,
        campaign=campaign,
        dry_run=dry_run == "true",
        idempotency_key=read_key(given["idempotency-key"]) if "idempotency-key" in given else None,
        headers=read_trace(given.get("traceparent", "")),
    )


def read_trace(traceparent: str) -> Mapping[str, str]:
    """What goes on of the trace that this header names; nothing of one that is broken, which harms no send.

    Source: W3C Trace Context, 3.2.
    """
    text = traceparent.strip()
    return {"traceparent": text} if _TRACEPARENT.fullmatch(text) else NO_HEADERS


def _word(given: dict[str, str], name: str, words: type[Word]) -> Word | None:
    text = given.get(name.lower())
    if text is None:
        return None
    try:
        return words(text.lower())
    except ValueError:
        raise _bad(name, f"has to be one of {', '.join(words)}") from None


def _expiry(text: str, now_ms: int) -> int:
    at_ms = now_ms + int(text) * 1000 if _SECONDS.fullmatch(text) else read_time(text)
    if at_ms is None:
        raise _bad("Tidegate-Expires", "has to be whole seconds from now, or an RFC 3339 time with its offset")
    if at_ms > now_ms + FURTHEST_MS:
        raise _bad("Tidegate-Expires", "has to lie within 30 days")
    # A time that has passed is understood well: the message is judged, and refused as expired.
    return at_ms


def _start(text: str, now_ms: int) -> int:
    at_ms = read_time(text)
    if at_ms is None:
        raise _bad("Tidegate-Not-Before", "has to be an RFC 3339 time with its offset")
    if at_ms > now_ms + FURTHEST_MS:
        raise _bad("Tidegate-Not-Before", "has to lie within 30 days")
    # A time that has passed asks for nothing: the message may go at once.
    return at_ms if at_ms > now_ms else 0


def _bad(name: str, rule: str) -> Denial:
    return Denial(Kind.BAD_REQUEST, f"header {name}: {rule}")
