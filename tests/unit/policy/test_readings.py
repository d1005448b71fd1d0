"""What nodes of Graph say: facts and signals, each about its own subject; nothing for what is not understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Scope, Subject
from tidegate.policy.readings import Reading, account_reading, number_reading, template_reading

FIXTURES = Path(__file__).parents[1] / "cloudapi" / "fixtures"
OF_ACCOUNT = Subject(PORTFOLIO, WABA)
OF_NUMBER = Subject(PORTFOLIO, WABA, NUMBER)


def fixture(name: str) -> Any:
    return orjson.loads((FIXTURES / name).read_bytes())


def names(reading: Reading) -> list[str]:
    return [signal.name for signal in reading.signals]


def facts(reading: Reading) -> dict[str, Any]:
    return {f"{change.kind}:{change.key}": change.values for change in reading.changes}


def entity(kind: str, entity_id: object, can_send: object) -> dict[str, object]:
    return {"entity_type": kind, "id": entity_id, "can_send_message": can_send}


def health(*entities: object) -> dict[str, object]:
    return {"health_status": {"can_send_message": "BLOCKED", "entities": list(entities)}}


def test_metas_example_of_a_number_is_read_whole() -> None:
    reading = number_reading(fixture("api_phone_number.json"), OF_NUMBER, NOW_MS)

    assert facts(reading) == {
        f"number:{NUMBER}": {"quality": "GREEN", "status": "CONNECTED"},
        "limit:": {"limit": 2_000},
    }
    assert names(reading) == ["number.quality.GREEN", "number.status.CONNECTED", "number.name.APPROVED"]
    assert {(change.source, change.at_ms, change.tightens) for change in reading.changes} == {("graph", NOW_MS, False)}


def test_what_was_read_is_graphs_word_as_of_the_question() -> None:
    reading = number_reading({"quality_rating": "RED"}, OF_NUMBER, NOW_MS)

    assert reading.signals == (Signal("number.quality.RED", OF_NUMBER, NOW_MS, Source.GRAPH),)


def test_a_limited_number_of_metas_example_is_told_entity_by_entity() -> None:
    reading = number_reading(fixture("api_health_status_limited.json"), OF_NUMBER, NOW_MS)

    told = {signal.name: signal.subject for signal in reading.signals}
    assert told == {
        "health.PHONE_NUMBER.LIMITED": OF_NUMBER,
        "health.WABA.AVAILABLE": OF_ACCOUNT,
        "health.BUSINESS.AVAILABLE": OF_ACCOUNT,
        "health.APP.AVAILABLE": OF_ACCOUNT,
    }


def test_an_entity_of_another_template_is_not_this_numbers_business() -> None:
    assert "health.MESSAGE_TEMPLATE.BLOCKED" not in names(
        number_reading(fixture("api_health_status_blocked.json"), OF_NUMBER, NOW_MS)
    )


def test_a_templates_own_health_is_the_templates() -> None:
    node = {"name": "winback", "language": "de", **fixture("api_health_status_blocked.json")}

    blocked = template_reading(node, OF_ACCOUNT, NOW_MS).signals[0]

    assert blocked.name == "health.MESSAGE_TEMPLATE.BLOCKED"
    assert blocked.subject.value(Scope.TEMPLATE) == f"{WABA}:de:winback"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(entity("PHONE_NUMBER", NUMBER, "BLOCKED"), ["health.PHONE_NUMBER.BLOCKED"], id="the number"),
        pytest.param(
            entity("PHONE_NUMBER", int(NUMBER), "BLOCKED"),
            ["health.PHONE_NUMBER.BLOCKED"],
            id="an id that is written as a number",
        ),
        pytest.param(entity("PHONE_NUMBER", "1", "BLOCKED"), [], id="another number"),
        pytest.param(entity("PHONE_NUMBER", None, "BLOCKED"), [], id="a number without an id"),
        pytest.param(entity("WABA", WABA, "LIMITED"), ["health.WABA.LIMITED"], id="the account"),
        pytest.param(entity("WABA", "1", "BLOCKED"), [], id="another account"),
        pytest.param(entity("BUSINESS", "5", "BLOCKED"), ["health.BUSINESS.BLOCKED"], id="the business, by any id"),
        pytest.param(entity("FLOW", "5", "BLOCKED"), [], id="an entity that is not known"),
        pytest.param(entity("WABA", WABA, "SOMETIMES"), [], id="a word that is not known"),
        pytest.param(entity("WABA", WABA, ["BLOCKED"]), [], id="a word of another type"),
        pytest.param("WABA", [], id="an entity that is no object"),
    ],
)
def test_an_entity_speaks_where_it_is_known_whom_it_is_about(told: object, expected: list[str]) -> None:
    assert names(number_reading(health(told), OF_NUMBER, NOW_MS)) == expected


def test_of_two_businesses_the_worse_one_speaks() -> None:
    told = [entity("BUSINESS", "1", word) for word in ("LIMITED", "BLOCKED", "AVAILABLE")]

    assert names(account_reading(health(*told), OF_ACCOUNT, NOW_MS)) == ["health.BUSINESS.BLOCKED"]


@pytest.mark.parametrize("given", [None, "BLOCKED", [], {"entities": None}, {"entities": {}}], ids=repr)
def test_a_health_status_of_another_shape_says_nothing(given: object) -> None:
    assert account_reading({"health_status": given}, OF_ACCOUNT, NOW_MS) == Reading()


@pytest.mark.parametrize(
    ("review", "expected"),
    [("REJECTED", ["account.review.REJECTED"]), ("SHELVED", ["account.review.OTHER"]), (None, []), ("", []), (7, [])],
    ids=repr,
)
def test_an_accounts_review_is_a_signal(review: object, expected: list[str]) -> None:
    assert names(account_reading({"account_review_status": review}, OF_ACCOUNT, NOW_MS)) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(
            {"account_review_status": "APPROVED", "business_verification_status": "verified"},
            {"review": "APPROVED", "verification": "verified"},
            id="both",
        ),
        pytest.param({"business_verification_status": "EXPIRED"}, {"verification": "expired"}, id="in capitals"),
        pytest.param({"account_review_status": "SHELVED", "business_verification_status": 7}, None, id="neither"),
    ],
)
def test_what_meta_found_of_an_account_is_a_fact(node: dict[str, Any], expected: dict[str, str] | None) -> None:
    told = facts(account_reading(node, OF_ACCOUNT, NOW_MS))

    assert told == ({f"account:{WABA}": expected} if expected else {})


@pytest.mark.parametrize(
    "node",
    [
        pytest.param({}, id="nothing"),
        pytest.param(
            {
                "quality_rating": "MAUVE",
                "status": ["CONNECTED"],
                "throughput": "HIGH",
                "name_status": 5,
                "whatsapp_business_manager_messaging_limit": "TIER_NOT_SET",
            },
            id="words and types that are not known",
        ),
        pytest.param({"throughput": {"level": "STANDARD"}}, id="the throughput that is configured anyway"),
    ],
)
def test_a_number_that_says_nothing_changes_nothing(node: dict[str, Any]) -> None:
    assert number_reading(node, OF_NUMBER, NOW_MS) == Reading()


def test_a_number_that_nobody_has_rated_yet_is_unknown() -> None:
    reading = number_reading({"quality_rating": "NA"}, OF_NUMBER, NOW_MS)

    assert (facts(reading), names(reading)) == (
        {f"number:{NUMBER}": {"quality": "UNKNOWN"}},
        ["number.quality.UNKNOWN"],
    )


def test_an_upgraded_number_is_fast() -> None:
    reading = number_reading({"throughput": {"level": "HIGH"}}, OF_NUMBER, NOW_MS)

    assert facts(reading) == {f"number:{NUMBER}": {"throughput": 1_000}}


def test_every_template_of_metas_example_has_its_facts_and_signals() -> None:
    nodes = fixture("api_message_templates.json")["data"]

    for node in nodes:
        reading = template_reading(node, OF_ACCOUNT, NOW_MS)
        (told,) = reading.changes
        assert told.key == f"{WABA}:{node['language']}:{node['name']}"
        assert told.values["status"] == node["status"]
        assert f"template.status.{node['status']}" in names(reading)
        assert reading.signals[0].subject.template == (node["name"], node["language"])
    assert nodes


@pytest.mark.parametrize("node", [{"name": "winback"}, {"language": "de"}, {"name": 5, "language": "de"}], ids=repr)
def test_a_template_without_a_name_or_a_language_says_nothing(node: dict[str, Any]) -> None:
    assert template_reading({"status": "PAUSED", **node}, OF_ACCOUNT, NOW_MS) == Reading()


def test_a_template_of_which_nothing_is_known_changes_nothing() -> None:
    assert template_reading({"name": "winback", "language": "de", "status": "ODD"}, OF_ACCOUNT, NOW_MS) == Reading()
