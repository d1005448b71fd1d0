"""Each alert fires when a real node is in the trouble that it is about, and none does while all is well."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.alerts import troubles
from tests.alerts.promtool import PROMTOOL, WHY_NOT, Question, Scrape, metrics_of, read_rules, wrong_answers
from tests.alerts.stage import a_stage

ALERTS = sorted(read_rules())


@pytest.fixture(scope="module")
def scrapes() -> dict[str, Scrape]:
    """What one node told while it was well, and in each trouble."""

    async def seen() -> dict[str, Scrape]:
        async with a_stage() as stage:
            await troubles.all_of_them(stage)
            return stage.scrapes

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tidegate.store.client.TIMEOUT_S", 5.0)
        return asyncio.run(seen())


def course(alert: str, scrapes: dict[str, Scrape]) -> list[Scrape]:
    """What was scraped around a trouble: before it, and in it."""
    well = scrapes["well"]
    match alert:
        case "TidegateNodeDown":
            # Prometheus itself says so: of a node that does not answer there is nothing else.
            return [well, {series: 0.0 for series in well if series.startswith("up{")}]
        case "TidegateNodeRestarts":
            return [_begun_later(well, minutes) for minutes in range(5)]
        case _:
            return [scrapes.get(f"before {alert}", well), scrapes[alert]]


def _begun_later(scrape: Scrape, minutes: int) -> Scrape:
    return {s: v + 60 * minutes if s.startswith("process_start_time_seconds") else v for s, v in scrape.items()}


@pytest.mark.skipif(PROMTOOL is None, reason=WHY_NOT)
class TestEachAlert:
    @pytest.mark.parametrize("alert", ALERTS)
    def test_fires_in_its_trouble_and_not_before(self, alert: str, scrapes: dict[str, Scrape], tmp_path: Path) -> None:
        around = course(alert, scrapes)
        questions = [
            Question(alert, [scrapes["well"], scrapes["well"]], fires=False),
            Question(alert, around, fires=True),
        ]
        assert wrong_answers(questions, tmp_path) == ""

    def test_tells_of_no_metric_that_a_node_has_not(self, scrapes: dict[str, Scrape]) -> None:
        served = {series.partition("{")[0] for scrape in scrapes.values() for series in scrape}
        assert {name for rule in read_rules().values() for name in metrics_of(rule["expr"])} <= served

    def test_is_answered_wrongly_where_the_trouble_is_another(self, scrapes: dict[str, Scrape], tmp_path: Path) -> None:
        around = [scrapes["well"], scrapes["TidegateQualityYellow"]]
        assert "TidegateQualityRed" in wrong_answers([Question("TidegateQualityRed", around, fires=True)], tmp_path)
