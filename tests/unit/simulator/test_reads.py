"""Graph reads: fields, filters and pages."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from tidegate.simulator import reads
from tidegate.simulator.config import DEFAULT_PORTFOLIO, UNLIMITED
from tidegate.simulator.estate import Estate, limit_of, tier_name
from tidegate.simulator.paging import paged

URL = "http://simulator/v25.0/102290129340398/message_templates"


@pytest.fixture
def estate():
    return Estate((DEFAULT_PORTFOLIO,), 0)


@pytest.fixture
def number(estate):
    return estate.numbers["106540352242922"]


@pytest.fixture
def waba(estate):
    return estate.wabas["102290129340398"]


def test_a_number_shows_its_defaults(estate, number):
    assert reads.number_read(estate, number, {}, 0).body == {
        "id": "106540352242922",
        "display_phone_number": "+1 555-078-3881",
        "verified_name": "Lucky Shrub",
        "quality_rating": "GREEN",
    }


def test_a_number_shows_the_fields_asked_for_and_its_id(estate, number):
    fields = "quality_rating, status,throughput{level},whatsapp_business_manager_messaging_limit"
    assert reads.number_read(estate, number, {"fields": fields}, 0).body == {
        "quality_rating": "GREEN",
        "status": "CONNECTED",
        "throughput": {"level": "STANDARD"},
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "id": "106540352242922",
    }


def test_an_unknown_field_is_an_error(estate, number):
    answer = reads.number_read(estate, number, {"fields": "shoe_size"}, 0)
    assert (answer.http_status, answer.code) == (400, 100)
    assert "shoe_size" in answer.body["error"]["message"]


def test_a_template_field_without_a_value_is_known_and_left_out(estate):
    template = next(estate.templates())
    answer = reads.template_read(estate, template, {"fields": "name,message_send_ttl_seconds"}, 0)
    assert answer.body == {"name": template.name, "id": template.id}


@pytest.mark.parametrize(
    ("status", "barred_ms", "spam_ms", "standing"),
    [
        pytest.param("CONNECTED", 0, 0, "AVAILABLE", id="all is well"),
        pytest.param("CONNECTED", 0, 10, "LIMITED", id="a number held for spam"),
        pytest.param("CONNECTED", 10, 0, "BLOCKED", id="a barred account"),
        pytest.param("BANNED", 0, 0, "BLOCKED", id="a banned number"),
    ],
)
def test_health_is_that_of_the_worst_part(estate, number, waba, status, barred_ms, spam_ms, standing):
    number.status, waba.all_barred_until_ms, number.spam_until_ms = status, barred_ms, spam_ms
    health = reads.number_read(estate, number, {"fields": "health_status"}, 5).body["health_status"]
    assert health["can_send_message"] == standing
    assert [entity["entity_type"] for entity in health["entities"]] == ["PHONE_NUMBER", "WABA", "BUSINESS", "APP"]


@pytest.mark.parametrize(
    ("change", "part", "standing", "told"),
    [
        pytest.param({"name_status": "PENDING_REVIEW"}, "PHONE_NUMBER", "LIMITED", "additional_info", id="a new name"),
        pytest.param({"status": "RESTRICTED"}, "PHONE_NUMBER", "LIMITED", "additional_info", id="restricted"),
        pytest.param({"status": "DISCONNECTED"}, "PHONE_NUMBER", "BLOCKED", "errors", id="disconnected"),
        pytest.param({"templates_barred_until_ms": 9}, "WABA", "LIMITED", "additional_info", id="no templates"),
        pytest.param({"review": "REJECTED"}, "WABA", "BLOCKED", "errors", id="rejected in review"),
    ],
)
def test_a_part_that_is_not_well_says_why(estate, number, waba, change, part, standing, told):
    for name, value in change.items():
        setattr(number if part == "PHONE_NUMBER" else waba, name, value)
    health = reads.number_read(estate, number, {"fields": "health_status"}, 5).body["health_status"]
    (entity,) = [entity for entity in health["entities"] if entity["entity_type"] == part]
    assert (entity["can_send_message"], health["can_send_message"]) == (standing, standing)
    assert entity[told]


def test_a_template_that_is_not_approved_blocks_what_is_sent_with_it(estate, waba):
    template = waba.templates["winback", "en_US"]
    health = reads.template_read(estate, template, {"fields": "health_status"}, 0).body["health_status"]
    assert [entity["entity_type"] for entity in health["entities"]] == ["MESSAGE_TEMPLATE", "WABA", "BUSINESS", "APP"]
    assert health["entities"][0]["errors"][0]["error_code"] == 141002
    assert health["can_send_message"] == "BLOCKED"


def test_the_states_of_a_name_and_of_a_review_are_read(estate, number, waba):
    number.name_status, waba.review = "DECLINED", "PENDING"
    assert reads.number_read(estate, number, {"fields": "name_status"}, 0).body["name_status"] == "DECLINED"
    read = reads.waba_read(estate, waba, {"fields": "account_review_status"}, 0)
    assert read.body["account_review_status"] == "PENDING"


def test_accounts_portfolios_and_templates_can_be_read(estate, waba):
    limit = {"fields": "whatsapp_business_manager_messaging_limit"}
    assert reads.waba_read(estate, waba, limit, 0).body["whatsapp_business_manager_messaging_limit"] == "TIER_2K"
    portfolio = reads.portfolio_read(estate.portfolios["lucky-shrub"], limit)
    assert portfolio.body["whatsapp_business_manager_messaging_limit"] == "TIER_2K"
    template = waba.templates["winback", "en_US"]
    assert reads.template_read(estate, template, {"fields": "status"}, 0).body == {
        "status": "PAUSED",
        "id": template.id,
    }


def test_templates_are_listed_with_what_a_sender_needs(estate, waba):
    listed = reads.template_list(estate, waba, {"fields": "name,language,category,status"}, URL, 0).body["data"]
    assert [(row["name"], row["category"], row["status"]) for row in listed] == [
        ("order_confirmation", "UTILITY", "APPROVED"),
        ("black_friday_offer", "MARKETING", "APPROVED"),
        ("login_code", "AUTHENTICATION", "APPROVED"),
        ("winback", "MARKETING", "PAUSED"),
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({"name": "login_code"}, ["login_code"], id="by name"),
        pytest.param({"status": "paused"}, ["winback"], id="by status in any case"),
        pytest.param({"category": "MARKETING"}, ["black_friday_offer", "winback"], id="by category"),
        pytest.param({"language": "de"}, [], id="by a language that none has"),
    ],
)
def test_templates_can_be_filtered(estate, waba, query, names):
    assert [row["name"] for row in reads.template_list(estate, waba, query, URL, 0).body["data"]] == names


def test_a_summary_comes_when_asked_for(estate, waba):
    answer = reads.template_list(estate, waba, {"summary": "total_count"}, URL, 0)
    assert answer.body["summary"]["total_count"] == 4


def test_numbers_are_listed(estate, waba):
    assert [row["id"] for row in reads.number_list(estate, waba, {}, URL, 0).body["data"]] == ["106540352242922"]
    assert reads.number_list(estate, waba, {"fields": "x"}, URL, 0).code == 100


def walked(rows, limit, side):
    """Follow the links of one side to the end; the pages seen."""
    query = {"limit": str(limit), "access_token": "t"}
    pages = []
    while True:
        answer = paged(rows, query, URL).body
        pages.append([row["id"] for row in answer["data"]])
        link = answer.get("paging", {}).get(side)
        if link is None:
            return pages, query
        assert link.startswith(URL + "?")
        query = dict(parse_qsl(urlsplit(link).query))
        assert query["access_token"] == "t"


@pytest.mark.parametrize(
    ("count", "limit", "pages"),
    [
        pytest.param(0, 2, [[]], id="an empty list is one empty page"),
        pytest.param(2, 2, [[0, 1]], id="a list that fits has no next"),
        pytest.param(5, 2, [[0, 1], [2, 3], [4]], id="the last page may be short"),
    ],
)
def test_next_leads_through_the_whole_list(count, limit, pages):
    assert walked([{"id": order} for order in range(count)], limit, "next")[0] == pages


def test_previous_leads_back():
    rows = [{"id": order} for order in range(5)]
    _, last = walked(rows, 2, "next")
    before = dict(parse_qsl(urlsplit(paged(rows, last, URL).body["paging"]["previous"]).query))
    assert [row["id"] for row in paged(rows, before, URL).body["data"]] == [2, 3]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param({"after": "rubbish"}, 131059, id="a cursor of nobody's"),
        pytest.param({"before": "€"}, 131059, id="a cursor that is no text"),
        pytest.param({"limit": "0"}, 100, id="a limit of 0"),
        pytest.param({"limit": "many"}, 100, id="a limit that is no number"),
    ],
)
def test_a_wrong_page_is_refused(query, code):
    assert paged([{"id": 1}], query, URL).code == code


@pytest.mark.parametrize(
    ("tier", "limit"),
    [
        pytest.param("TIER_250", 250, id="a tier"),
        pytest.param("TIER_2K", 2_000, id="a tier in thousands"),
        pytest.param("TIER_UNLIMITED", UNLIMITED, id="no limit"),
        pytest.param("137", 137, id="digits"),
        pytest.param(137, 137, id="a number"),
    ],
)
def test_limits_are_read_in_every_spelling(tier, limit):
    assert limit_of(tier) == limit


@pytest.mark.parametrize("tier", ["TIER_3K", "", "-5", "٣", -2])
def test_no_limit_is_refused(tier):
    with pytest.raises(ValueError, match="messaging limit"):
        limit_of(tier)


def test_a_limit_that_is_no_tier_is_spelt_in_digits():
    assert (tier_name(137), tier_name(10_000), tier_name(UNLIMITED)) == ("137", "TIER_10K", "TIER_UNLIMITED")
