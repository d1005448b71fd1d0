"""The dashboard for Grafana: each question in it is one that Prometheus understands, about a metric that a node has."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.alerts.promtool import PROMTOOL, ROOT, WHY_NOT, metrics_of
from tidegate.metrics import Metrics

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "tidegate.json").read_text())
#: What Grafana puts in place of its variables.
_VARIABLES = {"$__rate_interval": "1m", "$portfolio": ".*"}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def questions() -> list[str]:
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    for variable, value in _VARIABLES.items():
        found = [expr.replace(variable, value) for expr in found]
    return found


@pytest.mark.skipif(PROMTOOL is None, reason=WHY_NOT)
def test_prometheus_understands_every_question(tmp_path: Path) -> None:
    rules = [{"record": f"question:{number}", "expr": expr} for number, expr in enumerate(questions())]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "questions", "rules": rules}]}))
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_every_question_is_about_metrics_that_a_node_has() -> None:
    families = list(text_string_to_metric_families(Metrics().exposition().decode()))
    served = {"up"}
    for family in families:
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        served |= {family.name + suffix for suffix in suffixes}
    assert {name for expr in questions() for name in metrics_of(expr)} - served == set()


def test_panels_lie_side_by_side_and_each_says_what_it_shows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(panel["title"] for panel in DASHBOARD["panels"])


def test_what_the_compose_file_mounts_is_there_and_fits_together() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts = {service: one.get("volumes", ()) for service, one in compose["services"].items()}
    for mount in (*mounts["grafana"], *mounts["prometheus"]):
        source = mount.partition(":")[0]
        assert not source.startswith("./") or (ROOT / source).exists(), mount
    inside = [mount.split(":")[1] for mount in mounts["grafana"]]
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/tidegate.yml").read_text())["providers"]
    assert any(path.startswith(provider["options"]["path"]) for path in inside)
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"].startswith("http://prometheus:")
    rules = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["rule_files"]
    assert set(rules) <= {mount.split(":")[1] for mount in mounts["prometheus"]}
