"""Where a recipient may live, by the first digits of the number or by the country of the user id."""

from __future__ import annotations

from datetime import UTC, datetime

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.timezone import time_zones_for_geographical_number
from phonenumbers.tzdata import TIMEZONE_DATA

from tidegate.cloudapi.messages import RecipientKind
from tidegate.policy.zones import (
    NATIONWIDE_MOBILE,
    calling_code,
    candidate_zones,
    country_zones,
    load_zone,
    zones_of_recipient,
)

KINDS = [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE, PhoneNumberType.VOIP]


@pytest.mark.parametrize(
    ("digits", "zones"),
    [
        pytest.param("919812345678", ("Asia/Calcutta",), id="a country of one zone"),
        pytest.param("16505551234", ("America/Los_Angeles",), id="an area code"),
        pytest.param("351912345678", ("Atlantic/Azores", "Europe/Lisbon"), id="a prefix that leaves two open"),
        pytest.param("5511987654321", ("America/Sao_Paulo",), id="a Brazilian mobile number has an area code"),
        pytest.param("525512345678", ("America/Mexico_City",), id="so has a Mexican one"),
        pytest.param("5215512345678", ("America/Mexico_City",), id="in its old form too"),
        pytest.param("521998123456", TIMEZONE_DATA["52"], id="a Mexican number that is none: any zone of Mexico"),
        pytest.param("34612345678", ("Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary"), id="a nationwide mobile"),
        pytest.param("34912345678", ("Europe/Madrid",), id="a landline of the same country"),
        pytest.param("55", TIMEZONE_DATA["55"], id="too few digits to tell: any zone of the country"),
        pytest.param("1", TIMEZONE_DATA["1"], id="a country code alone"),
        pytest.param("1" * 40, TIMEZONE_DATA["1"], id="more digits than a number has"),
        pytest.param("881612345678", (), id="a satellite phone"),
        pytest.param("80055512345", (), id="an international toll-free number"),
        pytest.param("0", (), id="no country code begins with 0"),
        pytest.param("", (), id="a recipient who hides the number"),
    ],
)
def test_the_zones_of_a_number(digits: str, zones: tuple[str, ...]) -> None:
    assert candidate_zones(digits) == zones


def test_a_russian_mobile_may_be_anywhere_from_kaliningrad_to_kamchatka() -> None:
    zones = candidate_zones("79141234567")

    assert {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Vladivostok", "Asia/Kamchatka"} <= set(zones)
    assert candidate_zones("74951234567") == ("Europe/Moscow",)


def test_a_toll_free_number_may_be_anywhere_in_north_america() -> None:
    assert len(candidate_zones("18005551234")) == 42


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_look_up_finds_what_the_library_finds(region: str) -> None:
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        digits = phonenumbers.format_number(example, PhoneNumberFormat.E164).removeprefix("+")
        if not digits.startswith(tuple(NATIONWIDE_MOBILE)):
            known = time_zones_for_geographical_number(example)
            assert candidate_zones(digits) == (() if known == ("Etc/Unknown",) else known)


@pytest.mark.parametrize("prefix", sorted(NATIONWIDE_MOBILE))
def test_a_nationwide_mobile_number_has_zones_whose_clocks_differ(prefix: str) -> None:
    zones = candidate_zones(prefix + "1234567")

    assert zones == country_zones(NATIONWIDE_MOBILE[prefix])
    clocks = [load_zone(zone) for zone in zones]
    assert len({datetime(2026, 1, 15, tzinfo=UTC).astimezone(clock).utcoffset() for clock in clocks}) > 1
    # What libphonenumber says of the same prefix is within what is said here, under either of a zone's names.
    table = {zone for known, found in TIMEZONE_DATA.items() if known.startswith(prefix) for zone in found}
    here = {datetime(2026, 7, 15, tzinfo=UTC).astimezone(clock).utcoffset() for clock in clocks}
    assert {datetime(2026, 7, 15, tzinfo=UTC).astimezone(load_zone(zone)).utcoffset() for zone in table} <= here


@pytest.mark.parametrize(
    ("country", "zones"),
    [
        pytest.param("IN", ("Asia/Kolkata",), id="one zone"),
        pytest.param("PT", ("Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores"), id="three zones"),
        pytest.param("XX", (), id="no country"),
        pytest.param("in", (), id="no capitals"),
        pytest.param("", (), id="nothing"),
    ],
)
def test_the_zones_of_a_country(country: str, zones: tuple[str, ...]) -> None:
    assert country_zones(country) == zones


def test_every_zone_that_a_number_or_a_country_can_have_is_known() -> None:
    by_number = {zone for zones in TIMEZONE_DATA.values() for zone in zones}
    by_country = {zone for region in phonenumbers.SUPPORTED_REGIONS for zone in country_zones(region)}

    assert len(by_number) > 250
    assert [zone for zone in by_number | by_country if load_zone(zone) is None] == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Europe/Atlantis", id="no such zone"),
        pytest.param("America", id="a directory"),
        pytest.param("zone.tab", id="a file that is no zone"),
        pytest.param("../../etc/passwd", id="a way out"),
        pytest.param("/etc/passwd", id="an absolute path"),
        pytest.param("", id="nothing"),
        pytest.param("a\0b", id="a null byte"),
        pytest.param("x" * 5_000, id="a name longer than any file's"),
    ],
)
def test_a_name_that_is_no_zone(name: str) -> None:
    assert load_zone(name) is None


@pytest.mark.parametrize(
    ("zone", "digits"),
    [("America/New_York", "1"), ("Asia/Tokyo", "81"), ("Europe/London", "44"), ("Etc/UTC", ""), ("No/Where", "")],
)
def test_the_digits_that_numbers_of_a_zones_country_begin_with(zone: str, digits: str) -> None:
    assert calling_code(zone) == digits


@pytest.mark.parametrize(
    ("kind", "to", "zones"),
    [
        pytest.param(RecipientKind.PHONE, "4917612345678", ("Europe/Berlin",), id="a phone number"),
        pytest.param(RecipientKind.BSUID, "JP.123", ("Asia/Tokyo",), id="a user id that begins with its country"),
        pytest.param(RecipientKind.GROUP, "a-group", (), id="a group"),
    ],
)
def test_where_whoever_a_message_is_addressed_to_may_be(kind: RecipientKind, to: str, zones: tuple[str, ...]) -> None:
    assert zones_of_recipient(kind, to) == zones
