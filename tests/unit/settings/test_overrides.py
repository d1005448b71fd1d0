"""The environment over the file."""

from typing import Any

import pytest

from tests.unit.settings.conftest import SAMPLE, FaultFinder, Loader
from tidegate.errors import Fault
from tidegate.settings import Settings


def _read(settings: Settings, path: str) -> Any:
    value: Any = settings
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        pytest.param("SERVER__LISTEN", "0.0.0.0:9", "server.listen", "0.0.0.0:9", id="a text"),
        pytest.param("SERVER__WORKERS", "4", "server.workers", 4, id="a whole number"),
        pytest.param("STORE__URL", "redis://h", "store.url", "redis://h", id="a secret"),
        pytest.param("STORE__REPLICAS_ACK", "0", "store.replicas_ack", 0, id="zero"),
        pytest.param("UPSTREAM__TIMEOUT", "250ms", "upstream.timeout_ms", 250, id="a duration with a unit"),
        pytest.param("UPSTREAM__TIMEOUT", "3", "upstream.timeout_ms", 3_000, id="a duration in seconds"),
        pytest.param("WEBHOOK__VERIFY_TOKEN", "12345", "webhook.verify_token", "12345", id="a text of digits"),
        pytest.param("PRIVACY__PAYLOAD_KEY", "k" * 32, "privacy.payload_key", b"k" * 32, id="a key"),
        pytest.param("POLL__INTERVAL", "1h", "poll.interval_ms", 3_600_000, id="a duration"),
        pytest.param("RULES__HEADROOM", "0.25", "rules.headroom", 0.25, id="a share"),
        pytest.param("APP__0__THROUGHPUT_SHARE", "0.25", "apps.0.throughput_share", 0.25, id="one left out"),
        pytest.param("APP__0__LIMIT_SHARE", "1", "apps.0.limit_share", 1, id="all of what is shared"),
        pytest.param("RULES__HEADROOM", "0", "rules.headroom", 0, id="a share without a point"),
        pytest.param("RULES__LATE_DELIVERY_HOLD", "false", "rules.late_delivery_hold", False, id="a truth"),
        pytest.param("RULES__MAX_WAIT__MARKETING", "1d", "rules.max_wait.marketing_ms", 86_400_000, id="a deeper key"),
        pytest.param(
            "RULES__PAIR_RATE__MODE", "shadow", "rules.pair_rate.mode", "shadow", id="a table not in the file"
        ),
        pytest.param(
            "PORTFOLIO__0__MESSAGING_LIMIT",
            "TIER_10K",
            "portfolios.0.messaging_limit",
            10_000,
            id="a key of a list's entry",
        ),
        pytest.param(
            "PORTFOLIO__0__WABA__0__ACCESS_TOKEN",
            "EAAB",
            "portfolios.0.wabas.0.access_token",
            "EAAB",
            id="a secret of an entry",
        ),
        pytest.param("APP__0__NUMBERS", "106540352242922", "apps.0.numbers", ("106540352242922",), id="a list"),
        pytest.param("server__listen", "0.0.0.0:9", "server.listen", "0.0.0.0:9", id="a variable in small letters"),
    ],
)
def test_a_variable_overrides_a_key(loaded: Loader, variable: str, text: str, path: str, value: object) -> None:
    assert _read(loaded(environ={f"TIDEGATE_{variable}": text}), path) == value


def test_a_truth_is_written_as_a_word_or_a_digit(loaded: Loader) -> None:
    local = ("https://graph.facebook.com", "http://127.0.0.1:9")
    for text, clock in (("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False)):
        assert loaded(local, environ={"TIDEGATE_TESTING__CLOCK": text}).testing.clock is clock


def test_app_secrets_stand_one_a_line_and_may_hold_commas(loaded: Loader) -> None:
    settings = loaded(environ={"TIDEGATE_WEBHOOK__APP_SECRETS": "one,1\ntwo\n"})
    assert [secret.get_secret_value() for secret in settings.webhook.app_secrets] == ["one,1", "two"]


def test_a_section_that_the_file_lacks_may_come_from_the_environment_alone(loaded: Loader) -> None:
    start = SAMPLE.index("[privacy]")
    settings = loaded(
        (SAMPLE[start : SAMPLE.index("[[portfolio]]")], ""),
        environ={"TIDEGATE_PRIVACY__IDENTITY_KEY": "i" * 32, "TIDEGATE_PRIVACY__PAYLOAD_KEY": "p" * 32},
    )
    assert settings.privacy.identity_key.get_secret_value() == b"i" * 32


@pytest.mark.parametrize(
    ("variable", "problem", "nearest"),
    [
        pytest.param("TIDEGATE_SERVER__LISEN", "unknown key", "server.listen", id="a key misspelled"),
        pytest.param("TIDEGATE_SEVER__LISTEN", "unknown key", "server", id="a section misspelled"),
        pytest.param("TIDEGATE_SERVER__WORKERS_FILE", "unknown key", "server.workers", id="a file of no secret"),
        pytest.param("TIDEGATE_SERVER__", "unknown key", None, id="no key at all"),
        pytest.param(
            "TIDEGATE_RULES__RESERVE",
            "is a table: only its keys can be set from the environment",
            None,
            id="a whole table",
        ),
        pytest.param("TIDEGATE_SERVER__LISTEN__HOST", "server.listen is no table", None, id="a key inside a text"),
        pytest.param(
            "TIDEGATE_PORTFOLIO__ID",
            "portfolio is a list of tables: its entries stand in the file",
            None,
            id="an entry without its index",
        ),
        pytest.param(
            "TIDEGATE_PORTFOLIO__0",
            "portfolio is a list of tables: its entries stand in the file",
            None,
            id="an entry without a key",
        ),
        pytest.param(
            "TIDEGATE_PORTFOLIO__1__ID", "the file has no portfolio[1]", None, id="an entry that is not there"
        ),
        pytest.param(
            "TIDEGATE_STORE_URL",
            "section and key are joined by two underscores",
            "TIDEGATE_STORE__URL",
            id="one underscore",
        ),
        pytest.param(
            "TIDEGATE_PRIVACY_IDENTITY_KEY_FILE",
            "section and key are joined by two underscores",
            "TIDEGATE_PRIVACY__IDENTITY_KEY_FILE",
            id="one underscore before a secret's file",
        ),
    ],
)
def test_a_variable_that_names_no_key_is_a_fault(
    faults: FaultFinder, variable: str, problem: str, nearest: str | None
) -> None:
    assert faults(environ={variable: "x"}) == (Fault(variable, problem, nearest),)


@pytest.mark.parametrize(
    ("variable", "text", "path"),
    [
        pytest.param("SERVER__WORKERS", "two", "server.workers", id="a word for a number"),
        pytest.param("SERVER__WORKERS", "١", "server.workers", id="a digit that is not ASCII"),
        pytest.param("RULES__HEADROOM", "5%", "rules.headroom", id="a percentage"),
        pytest.param("RULES__HEADROOM", "1e-3", "rules.headroom", id="an exponent"),
        pytest.param("TESTING__CLOCK", "maybe", "testing.clock", id="a word for a truth"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_fault_at_its_key(
    faults: FaultFinder, variable: str, text: str, path: str
) -> None:
    assert [fault.path for fault in faults(environ={f"TIDEGATE_{variable}": text})] == [path]


def test_a_section_that_is_no_table_in_the_file_is_a_fault(faults: FaultFinder) -> None:
    found = faults(
        (SAMPLE[SAMPLE.index("[poll]") : SAMPLE.index("[testing]")], ""),
        ("[server]", "poll = 5\n[server]"),
        environ={"TIDEGATE_POLL__INTERVAL": "1m"},
    )
    assert found == (
        Fault("TIDEGATE_POLL__INTERVAL", "poll is no table in the file"),
        Fault("poll", "must be a table"),
    )


def test_variables_of_others_are_left_alone(loaded: Loader) -> None:
    others = {
        "TIDEGATE_URL": "http://127.0.0.1:8080",
        "TIDEGATE_KEY": "tg_x",
        "TIDEGATE_SERVICE_HOST": "10.0.0.1",
        "TIDEGATE_STORE_PORT_6379_TCP_ADDR": "10.0.0.2",
        "NOT_TIDEGATE_SERVER__LISTEN": "x",
    }
    assert loaded(environ=others) == loaded()
