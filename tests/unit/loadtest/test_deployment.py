"""The settings and the platform that a deployment stands for agree with each other."""

from __future__ import annotations

import pytest

from loadtest.deployment import APP_KEY, NUMBER, Deployment
from loadtest.plan import Plan
from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.settings.app_keys import hash_key


@pytest.mark.parametrize("limit", [250, 2_000, 12_345, UNLIMITED])
def test_gateway_and_platform_are_told_the_same_limit_throughput_and_secret(limit: int) -> None:
    deployment = Deployment(limit=limit, throughput=37, rules={"headroom": 0.0})
    settings, platform = deployment.settings("unix:///tmp/s", "http://127.0.0.1:1"), deployment.platform
    (portfolio,) = platform.portfolios
    assert settings.portfolios[0].messaging_limit == portfolio.messaging_limit == limit
    assert settings.portfolios[0].wabas[0].numbers[0].throughput == portfolio.wabas[0].numbers[0].throughput == 37
    assert settings.number(NUMBER.id) is not None
    assert [secret.get_secret_value() for secret in settings.webhook.app_secrets] == [platform.app_secret]
    assert settings.apps[0].key_sha256 == (hash_key(APP_KEY),)
    assert settings.testing.clock
    assert settings.rules.headroom == 0


@pytest.mark.parametrize(
    ("limit", "headroom", "places"),
    [(2_000, 0.05, 1_600), (2_000, 0.0, 1_700), (250, 0.05, 199), (UNLIMITED, 0.05, UNLIMITED)],
    ids=["headroom and reserves off", "reserves off", "shares rounded up to places", "no limit"],
)
def test_a_campaign_may_use_the_limit_less_headroom_and_what_is_reserved_above_it(
    limit: int, headroom: float, places: int
) -> None:
    assert Plan(recipients=1, limit=limit, days=1, headroom=headroom).marketing_places == places


def test_gateway_and_platform_know_the_same_numbers_the_usual_one_first() -> None:
    deployment = Deployment(numbers=3)
    settings, platform = deployment.settings("unix:///tmp/s", "http://127.0.0.1:1"), deployment.platform
    configured = settings.portfolios[0].wabas[0].numbers
    simulated = platform.portfolios[0].wabas[0].numbers
    assert [number.id for number in configured] == [number.id for number in simulated]
    assert [n.display_phone_number for n in configured] == [n.display_phone_number for n in simulated]
    assert len({number.id for number in configured}) == 3
    assert (simulated[0].id, simulated[0].display_phone_number) == (NUMBER.id, NUMBER.display_phone_number)
