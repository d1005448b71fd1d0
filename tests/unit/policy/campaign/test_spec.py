"""Campaigns, their groups and rows."""

from __future__ import annotations

from tests.factories import make_campaign
from tidegate.cloudapi.recipients import RecipientKind
from tidegate.policy.campaign.spec import Row

ANN = Row(3, 7, "15550001", {"first_name": "Ann"}, "staff")


def test_a_row_tells_what_its_recipient_is_named_by() -> None:
    assert ANN.kind is RecipientKind.PHONE
    assert ANN._replace(to="US.1a").kind is RecipientKind.BSUID


def test_a_row_that_was_erased_says_no_more_than_where_it_was() -> None:
    assert ANN.erased() == Row(3, 7, "", {}, "")


def test_columns_of_several_variants_are_told_once_each() -> None:
    def variant(name: str, *columns: str) -> dict[str, object]:
        template = {"name": name, "language": {"code": "en"}, "components": [f"{{{{{column}}}}}" for column in columns]}
        return {"name": name, "share": 0.5, "template": template}

    campaign = make_campaign(template=None, variants=[variant("a", "x", "y"), variant("b", "z", "x")])
    assert campaign.columns == ("x", "y", "z")


def test_each_row_of_each_campaign_has_a_name_of_its_own() -> None:
    campaigns = make_campaign("cmp-1"), make_campaign("cmp-11")
    names = [campaign.row_name(row) for campaign in campaigns for row in (1, 11, 111)]
    assert len(set(names)) == 6
    assert names == [campaign.row_name(row) for campaign in campaigns for row in (1, 11, 111)]
