"""In which time zones a recipient may live: IANA names by the prefix of a phone number, or by a user id's country.

Sources: the time zone table of libphonenumber (3,240 prefixes, 327 of which leave several zones open), the numbering
plans of the countries in NATIONWIDE_MOBILE, `zone.tab` of the IANA time zone database; for business-scoped user ids
Meta, "Business-scoped user IDs".
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.tzdata import TIMEZONE_DATA

from tidegate.cloudapi.recipients import RecipientKind
from tidegate.policy.identity import canonical_phone

NATIONWIDE_MOBILE: Final = {
    "2992": "GL", "2994": "GL", "2995": "GL",
    "346": "ES", "347": "ES",
    "569": "CL",
    "5939": "EC",
    "614": "AU",
    "628": "ID",
    "642": "NZ",
    "6757": "PG", "6758": "PG",
    "79": "RU",
    "9765": "MN", "9766": "MN", "9768": "MN", "9769": "MN",
}  # fmt: skip
"""Prefixes of mobile numbers that are given out in a whole country, where clocks differ within it.

libphonenumber names one zone for them, that of the capital or the largest city: at 20:00 in Moscow a Russian mobile
phone may be in Kamchatka, where it is 05:00. (Where mobile numbers have area codes, as in Brazil, Mexico and North
America, the table tells them apart.)
"""
_NATIONWIDE_LENGTHS: Final = (4, 3, 2)
#: Beginnings of longer prefixes of the table: after any other digits there is nothing more to be found.
_CONTINUED: Final = frozenset(prefix[:length] for prefix in TIMEZONE_DATA for length in range(1, len(prefix)))
#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_PHONE: Final = RecipientKind.PHONE
#: So many digits tell the zones of most numbers: there are few beginnings of this length, and each is looked up once.
_BEGINNING: Final = 4
#: The zones of those beginnings that were asked for.
_of_beginnings: dict[str, tuple[str, ...]] = {}


def candidate_zones(digits: str) -> tuple[str, ...]:
    """The zones that a phone number (digits, country code first) may be in, by its longest known prefix.

    One for most; several where the prefix says no more (a Portuguese mobile: 2, a Russian one: 26, a North American
    toll-free number: 42); () where nothing is known (satellite and other numbers of no country). Whether the number is
    in use, or could be, is not asked: WhatsApp ids have forms that numbering plans no longer know.
    """
    beginning = digits[:_BEGINNING]
    zones = _of_beginnings.get(beginning)
    if zones is None:
        zones = _zones_of_prefix(digits)
        # Only numbers that begin with a 5 have several spellings.
        if beginning not in _CONTINUED and not beginning.startswith("5"):
            _of_beginnings[beginning] = zones
    return zones


def _zones_of_prefix(digits: str) -> tuple[str, ...]:
    for length in _NATIONWIDE_LENGTHS:
        country = NATIONWIDE_MOBILE.get(digits[:length])
        if country is not None:
            return country_zones(country)
    # Not the library's own look-up: it parses the number first, for nine tenths of the time, and refuses some ids.
    # The old Mexican form is spelled anew because its area code, which tells the zone, is one digit further on.
    digits = canonical_phone(digits)
    zones: tuple[str, ...] = ()
    for length in range(1, len(digits) + 1):
        prefix = digits[:length]
        zones = TIMEZONE_DATA.get(prefix, zones)
        if prefix not in _CONTINUED:
            break
    return zones


def country_zones(country: str) -> tuple[str, ...]:
    """The zones of a country (two capital letters, as a business-scoped user id begins); () for an unknown one.

    All that is known of a recipient who hides the phone number.
    """
    return _zones_by_country().get(country, ())


def zones_of_recipient(kind: RecipientKind, to: str) -> tuple[str, ...]:
    """The zones that whoever a message is addressed to may be in; () for a group, and where nothing is known."""
    if kind is _PHONE:
        zones = _of_beginnings.get(to[:_BEGINNING])
        return candidate_zones(to) if zones is None else zones
    return country_zones(to.partition(".")[0]) if kind is RecipientKind.BSUID else ()


def calling_code(zone: str) -> str:
    """The digits that numbers of a zone's country begin with; "" where the zone is of no country that is known."""
    return _calling_codes().get(_countries().get(zone, ""), "")


def zones_of(told: str | None, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """The zones that a user may be in: the one that somebody has told us, where it is one, else the candidates."""
    return (told,) if told is not None and load_zone(told) is not None else candidates


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo | None:
    """The zone of this IANA name; None when there is none, so that a name given by hand can be checked."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # KeyError: no such zone. ValueError: a path, or a file that is no zone. OSError: a directory ("America").
        return None


@cache
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    zones: dict[str, tuple[str, ...]] = {}
    for line in files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones[country] = (*zones.get(country, ()), zone)
    return zones


@cache
def _countries() -> dict[str, str]:
    return {zone: country for country, zones in _zones_by_country().items() for zone in zones}


@cache
def _calling_codes() -> dict[str, str]:
    return {region: str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() for region in regions}
