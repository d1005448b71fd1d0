"""The documentation says all there is, and nothing that is not: held against the code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from tidegate.app import Node, build
from tidegate.cli import COMMANDS, _Commands
from tidegate.edge.dashboard.pages import PAGES as PAGES_OF_THE_DASHBOARD
from tidegate.edge.denials import Kind
from tidegate.edge.routes import endpoints
from tidegate.feed import Kind as FeedKind
from tidegate.metrics import Metrics
from tidegate.metrics.states import FAMILIES
from tidegate.policy.alert import Alert, What
from tidegate.policy.consequences.defaults import DEFAULTS
from tidegate.policy.duration import read_duration
from tidegate.policy.guardrails import COUNTED, STANDING, USER
from tidegate.policy.reach import Scope
from tidegate.policy.rules import GUARDRAIL_FIELDS, Rules
from tidegate.policy.verdict import Reason
from tidegate.settings import Settings
from tidegate.settings.shape import keys_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
PREFIX = "/gateway/v1"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def named(cell: str) -> list[str]:
    """What a cell has in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# Settings


def settings(table: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any, str]]:
    """Every key that is no table: its path, its field, the name of its attribute."""
    fields = {field.alias or attribute: (field, attribute) for attribute, field in table.model_fields.items()}
    for name, key in keys_of(table).items():
        path = f"{above}{name}"
        if key.table is not None:
            yield from settings(key.table, f"{path}.")
        else:
            yield path, *fields[name]


def documented_settings() -> dict[str, str]:
    """Path of each documented key, with what stands for its default."""
    cells = (row for row in rows(page("configuration")) if len(row) == 3 and named(row[0]))
    return {named(row[0])[0]: row[1] for row in cells if "://" not in row[0]}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented_settings()) == {path for path, _, _ in settings(Settings)}


@pytest.mark.parametrize(
    ("path", "field", "attribute"),
    [pytest.param(*setting, id=setting[0]) for setting in settings(Settings)],
)
def test_a_default_is_the_one_documented(path: str, field: Any, attribute: str) -> None:
    cell = documented_settings()[path]
    if field.is_required():
        assert cell.startswith("required")
        return
    default = field.get_default(call_default_factory=True)
    if default is None:
        assert cell in ("none", "all")
        return
    written = tomllib.loads(f"x = {named(cell)[0]}")["x"]
    if attribute.endswith("_ms"):
        assert read_duration(written) == default
    elif hasattr(default, "get_secret_value"):
        assert written == default.get_secret_value()
    else:
        assert written == (list(default) if isinstance(default, tuple) else default)


# Reasons, routes, codes


def documented_reasons() -> dict[str, int]:
    """Reason -> code, from the table of reasons."""
    section = page("api").partition("### Reasons")[2].partition("\n### ")[0]
    return {reason: int(row[1]) for row in rows(section) if row[1].isdecimal() for reason in named(row[0])}


def test_every_reason_is_documented_with_its_code_and_no_other() -> None:
    assert documented_reasons() == {reason.value: reason.code for reason in Reason}


def test_every_code_of_an_error_is_documented() -> None:
    line = next(line for line in page("api").splitlines() if line.startswith("Codes of errors:"))
    assert set(named(line)) == {kind.value for kind in Kind}


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    """A node that was composed and never started: it speaks to nobody."""
    written = tomllib.loads((ROOT / "tidegate.example.toml").read_text())
    written["store"]["url"] = "redis://127.0.0.1:1"
    written["upstream"]["base_url"] = "http://127.0.0.1:1"
    written["testing"]["clock"] = True
    made = await build(Settings.model_validate(written))
    yield made
    await made.connection.aclose()


async def test_every_route_is_documented_and_no_other(node: Node) -> None:
    served = {f"{row.method} {row.path.removeprefix(PREFIX)}" for row in endpoints(node.services)}
    told = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`?]*)`", page("api")))
    # In running text a path of the control plane stands whole.
    told = {re.sub(f" {PREFIX}", " ", request) for request in told}
    assert told == served


async def test_every_request_header_of_a_send_is_documented(node: Node) -> None:
    headers = {
        parameter.name
        for row in endpoints(node.services)
        if row.body == "Message"
        for parameter in row.parameters
        if parameter.where == "header"
    }
    section = page("api").partition("### Sends")[2].partition("\n### ")[0]
    assert {name for row in rows(section) for name in named(row[0]) if " " not in name} == headers


# Metrics, guardrails


def test_every_metric_is_documented_with_its_labels_and_no_other() -> None:
    families = text_string_to_metric_families(Metrics().exposition().decode())
    served = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if not family.name.endswith("_created")
    }
    section = page("operations").partition("## Metrics")[2]
    assert {name for row in rows(section) for name in named(row[0])} == served


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in PAGES])
def test_a_metric_that_a_page_names_exists(file: Path) -> None:
    served = set(re.findall(r"^# TYPE (\S+)", Metrics().exposition().decode(), re.MULTILINE))
    named_here = set(re.findall(r"\btidegate_[a-z_]+[a-z]\b", file.read_text()))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named_here} <= served


def test_every_label_of_a_gauge_is_documented() -> None:
    section = page("operations").partition("## Metrics")[2]
    told = {name: named(row[1]) for row in rows(section) for name in named(row[0])}
    assert {family.name: list(family.labels) for family in FAMILIES} == {
        family.name: told[family.name] for family in FAMILIES
    }


#: Sections of the page of guardrails that are about none of them.
BESIDE = {"Duplicates", "Early warning", "Consequences", "Replacing the rules"}


def test_every_guardrail_has_its_section_and_no_other() -> None:
    sections = re.findall(r"^## (.+)$", page("guardrails"), re.MULTILINE)
    rails = [rail.__name__ for rail in (*STANDING, *USER, *COUNTED)]
    assert sorted(name for name in sections if name not in BESIDE) == sorted(rails)


@pytest.mark.parametrize("name", sorted(GUARDRAIL_FIELDS))
def test_the_page_of_guardrails_says_how_each_table_of_the_rules_is_set(name: str) -> None:
    assert f"[rules.{name}]" in page("guardrails")


def test_a_reason_that_a_guardrail_can_give_is_not_called_reserved() -> None:
    # They name reasons that nothing may give yet: all there are, and those for which something may be held.
    silent = {"verdict.py", "enforcement.py"}
    files = (file for file in (ROOT / "src/tidegate").rglob("*.py") if not silent & set(file.parts))
    source = "".join(file.read_text() for file in files)
    used = {reason.value for reason in Reason if f"Reason.{reason.name}" in source}
    used |= {rule.reason.value for rule in DEFAULTS.values() if rule.reason is not None}
    section = page("api").partition("### Reasons")[2].partition("\n### ")[0]
    reserved = {reason for row in rows(section) if row[-1].startswith("reserved") for reason in named(row[0])}
    assert reserved == {reason.value for reason in Reason} - used - {Reason.INVALID_RECIPIENT.value}


# Commands


def command(name: str) -> Any:
    return _Commands(name="tidegate").get_command(None, name)


def options(name: str) -> set[str]:
    """Every `--option` of a command, and of the commands of a group."""
    found = command(name)
    parts = [found, *getattr(found, "commands", {}).values()]
    switches = {opt for part in parts for param in part.params for opt in (*param.opts, *param.secondary_opts)}
    return {switch for switch in switches if switch.startswith("--")} - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_section_with_every_option_and_no_other(name: str) -> None:
    found = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", page("commands"), re.MULTILINE | re.DOTALL)
    assert found is not None
    told = {option for row in rows(found[1]) for option in named(row[0]) if option.startswith("--")}
    assert told == options(name)


def quoted_commands() -> Iterator[tuple[str, str]]:
    """Every `tidegate ...` line in a code block or in backticks, with the page that it is in."""
    for file in PAGES:
        text = file.read_text()
        lines = [line for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
        quoted = [*(line.strip() for line in lines), *re.findall(r"`(tidegate [^`\n]+)`", text)]
        for line in quoted:
            if re.match(r"tidegate [a-z]", line):
                yield file.name, line


@pytest.mark.parametrize(("where", "line"), [pytest.param(*found, id=" ".join(found)) for found in quoted_commands()])
def test_a_command_that_a_page_shows_exists_with_its_options(where: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    assert words[1] in COMMANDS
    assert {word for word in words[2:] if word.startswith("--")} <= options(words[1])


def commands() -> Iterator[Any]:
    """Every command, those of groups too."""
    for name in COMMANDS:
        found = command(name)
        for inner, part in getattr(found, "commands", {"": found}).items():
            yield pytest.param(part, [name, inner] if inner else [name], id=f"{name} {inner}".strip())


@pytest.mark.parametrize(("found", "words"), list(commands()))
def test_the_help_of_a_command_has_an_example_of_it(found: Any, words: list[str]) -> None:
    lines = [line.split("tidegate ", 1)[1] for line in (found.epilog or "").splitlines() if "tidegate " in line]
    known = {switch for param in found.params for switch in (*param.opts, *param.secondary_opts)}
    assert lines
    for line in lines:
        given = shlex.split(line)
        assert given[: len(words)] == words
        assert {word for word in given if word.startswith("--")} <= known


def run(*words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**kept, "PYTHONPATH": str(ROOT / "src")},
    )


def test_the_configuration_that_the_readme_copies_is_good() -> None:
    text = (ROOT / "README.md").read_text()
    assert "cp tidegate.example.toml tidegate.toml" in text
    assert "tidegate check --config tidegate.toml" in text
    done = run("check", "--config", "tidegate.example.toml")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_readmes_curl_is_the_demos() -> None:
    from tidegate.demo import estate

    text = (ROOT / "README.md").read_text()
    assert f"/v25.0/{estate.NUMBER}/messages -H 'Authorization: Bearer {estate.APP_KEY}'" in text
    assert f'"name":"{estate.ORDER}"' in text


def test_help_lists_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    listed = re.findall(r"^  ([a-z]+)  ", done.stdout, re.MULTILINE)
    assert listed == list(COMMANDS)


# The index, the runbooks, and what the pages have to be copied


def test_the_index_names_every_page_and_what_it_is_for() -> None:
    listed = {named_page for row in rows(page("README")) for named_page in re.findall(r"\(([a-z-]+\.md)\)", row[0])}
    assert listed == {file.name for file in DOCS.glob("*.md")} - {"README.md"}


def runbooks() -> dict[str, str]:
    """Heading -> section."""
    parts = re.split(r"^## (.+)$", page("runbooks"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("heading", sorted(runbooks()))
def test_a_runbook_says_what_one_sees_what_it_means_and_what_to_do(heading: str) -> None:
    section = runbooks()[heading]
    places = [section.find(f"**{part}**") for part in ("You see", "It means", "Do now", "After")]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("what", What)
def test_an_alert_leads_to_a_runbook_and_is_told_of_with_its_direction(what: What) -> None:
    alert = Alert(what, "portfolio", "p")
    told = {word: row[1] for row in rows(page("api")) for word in named(row[0])}
    assert alert.runbook in {heading.lower().replace(",", "").replace(" ", "-") for heading in runbooks()}
    assert f"`{alert.kind}`" in told[what]


@pytest.mark.parametrize("scope", Scope)
def test_an_alert_of_a_breaker_leads_to_a_runbook_whatever_its_scope(scope: Scope) -> None:
    runbook = Alert(What.BREAKER_OPENED, scope, "p").runbook
    assert runbook in {heading.lower().replace(",", "").replace(" ", "-") for heading in runbooks()}


def test_every_kind_of_the_live_feed_is_told_of() -> None:
    section = page("api").partition("### Events")[2].partition("\n### ")[0]
    assert set(FeedKind) <= {word for row in rows(section) for word in named(row[0])}


def written_rules() -> Iterator[Any]:
    """Every piece of a configuration that a page shows, with the page that it is in."""
    for file in PAGES:
        for number, block in enumerate(
            re.findall(r"^ *```toml\n(.*?)^ *```", file.read_text(), re.DOTALL | re.MULTILINE)
        ):
            table = tomllib.loads(textwrap.dedent(block))
            if set(table) == {"rules"}:
                yield pytest.param(table["rules"], id=f"{file.name} {number}")


@pytest.mark.parametrize("written", list(written_rules()))
def test_rules_that_a_page_shows_can_be_written_so(written: dict[str, Any]) -> None:
    Rules.model_validate(written)


# Links and form


def anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in PAGES])
def test_every_link_inside_the_repository_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", file.read_text()):
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        assert there.is_file(), target
        assert not anchor or anchor in anchors(there), target


# The dashboard


def test_every_page_of_the_dashboard_is_documented_and_no_other() -> None:
    section = page("dashboard").partition("## Pages")[2].partition("\n## ")[0]
    told = {path.partition("?")[0] for row in rows(section) for path in named(row[0])}
    assert told == {f"/dashboard{one.path}" for one in PAGES_OF_THE_DASHBOARD}
