"""Alert rules, asked by Prometheus' own tool: scrapes of a real node go in, whether an alert fires comes out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus-rules.yml"
PROMTOOL: Final = shutil.which("promtool")
WHY_NOT: Final = "promtool is not installed (Debian and Ubuntu: apt install prometheus)"
_STEP_S: Final = 30
_WELL_S: Final = 1_200
_NAME: Final = re.compile(r"\b(?:tidegate|process)_[a-z_]+\b|\bup\b")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600}

Scrape = dict[str, float]
"""Values by series, as `name{label="value"}`."""


def read_rules() -> dict[str, dict[str, Any]]:
    """Every alert of the file, by its name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def metrics_of(expr: str) -> set[str]:
    """The names of metrics in an expression."""
    return set(_NAME.findall(expr))


def read_scrape(text: str) -> Scrape:
    """What a node answered on `/metrics`, as Prometheus would store it of a target that is up."""
    found: Scrape = {"up": 1.0}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return {_of_target(series): value for series, value in found.items()}


def _of_target(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{job="tidegate",instance="node-1:8080"{"," if labels else "}"}{labels}'


@dataclass(frozen=True, slots=True)
class Question:
    """Whether an alert fires: scrapes are as the first for long, as the next ones for a minute each, then as the last.

    It is asked when its rule has held for as long as it asks for, and a minute and a half more.
    """

    alert: str
    scrapes: Sequence[Scrape]
    fires: bool

    def test(self, rule: dict[str, Any]) -> dict[str, Any]:
        """As promtool takes it."""
        names = metrics_of(rule["expr"])
        series = sorted({s for scrape in self.scrapes for s in scrape if s.partition("{")[0] in names})
        held_s = _seconds(rule.get("for", "0s"))
        begins_s = _WELL_S + 60 * max(0, len(self.scrapes) - 2)
        firing = f'count(ALERTS{{alertname="{self.alert}",alertstate="firing"}})'
        return {
            "interval": f"{_STEP_S}s",
            "input_series": [{"series": one, "values": self._values(one, held_s)} for one in series],
            "promql_expr_test": [
                {
                    "expr": f"{firing} > bool 0 or vector(0)",
                    "eval_time": f"{begins_s + held_s + 90}s",
                    "exp_samples": [{"labels": "{}", "value": int(self.fires)}],
                }
            ],
        }

    def _values(self, series: str, held_s: int) -> str:
        spans = [_WELL_S, *(60 for _ in self.scrapes[1:-1]), held_s + 300]
        parts = []
        for scrape, span_s in zip(self.scrapes, spans, strict=False):
            value, steps = scrape.get(series), span_s // _STEP_S - 1
            parts.append(f"_x{steps}" if value is None else f"{value!r}+0x{steps}")
        return " ".join(parts)


def wrong_answers(questions: Iterable[Question], directory: Path) -> str:
    """What promtool says of all that is not as it was asked; empty when everything is."""
    rules, files = read_rules(), []
    for number, question in enumerate(questions):
        rule = rules[question.alert]
        own, asked = directory / f"rule-{number}.yml", directory / f"test-{number}.yml"
        own.write_text(json.dumps({"groups": [{"name": "own", "rules": [rule]}]}))
        tests = {"rule_files": [str(own)], "evaluation_interval": f"{_STEP_S}s", "tests": [question.test(rule)]}
        asked.write_text(json.dumps(tests))
        files.append(str(asked))
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "test", "rules", *files], capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _seconds(duration: str) -> int:
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([smh])", duration))
