"""The picture of a portfolio, and what it says of what it does not know."""

from __future__ import annotations

from tests.factories import NUMBER, TEMPLATE, WABA, make_standing, make_template
from tidegate.cloudapi.vocabulary import NumberStatus, Quality
from tidegate.policy.standing import CampaignStanding, NumberStanding


def test_a_known_number_speaks_for_itself() -> None:
    known = NumberStanding(NUMBER, throughput=1_000, quality=Quality.RED)

    assert make_standing(numbers={NUMBER: known}).number(NUMBER) is known


def test_an_unknown_number_has_the_least_that_the_platform_gives() -> None:
    number = make_standing().number("1")

    assert number == NumberStanding("1", 80, Quality.UNKNOWN, NumberStatus.UNKNOWN)


def test_a_campaign_is_found_by_its_own_app_and_one_of_an_older_record_by_all() -> None:
    known, older = CampaignStanding("cmp-1", "paused", app="shop"), CampaignStanding("cmp-2", "paused")
    standing = make_standing(campaigns={"cmp-1": known, "cmp-2": older})

    assert standing.campaign_of("cmp-1", "shop") is known
    assert standing.campaign_of("cmp-2", "shop") is older
    assert [standing.campaign_of(name, "crm") for name in ("cmp-1", "cmp-3", None)] == [None, None, None]


def test_a_template_is_found_by_account_name_and_language() -> None:
    template = make_template()
    standing = make_standing(templates={template.key: template})

    assert standing.template(WABA, *TEMPLATE) is template
    assert standing.template(WABA, TEMPLATE[0], "de") is None
    assert standing.template("1", *TEMPLATE) is None
