"""The file of alert rules: Prometheus takes it, and whoever is woken by one of them is told what to do."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.alerts.promtool import PROMTOOL, ROOT, RULES, WHY_NOT, read_rules


@pytest.mark.skipif(PROMTOOL is None, reason=WHY_NOT)
def test_prometheus_takes_the_rules() -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "rule"), [pytest.param(name, rule, id=name) for name, rule in read_rules().items()])
def test_an_alert_says_how_grave_it_is_what_it_means_and_where_to_read_on(name: str, rule: dict[str, Any]) -> None:
    assert name.startswith("Tidegate")
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = [line.lstrip("# ") for line in (ROOT / page).read_text().splitlines() if line.startswith("#")]
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
