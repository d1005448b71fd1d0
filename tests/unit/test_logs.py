"""Log lines are JSON, and show no phone number and no secret."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog

from tidegate import logs


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("to +4915123456789 now", "to +49***89 now", id="an international number"),
        pytest.param("to 15550783881", "to 15***81", id="a number without +"),
        pytest.param("to +49 151 234-567", "to +49***67", id="a number with spaces"),
        pytest.param("to=%2B15550783881&x", "to=%2B15***81&x", id="a number in a query"),
        pytest.param('{"to":"15550783881"}', '{"to":"15***81"}', id="a number in a body"),
        pytest.param("1234567", "12***67", id="the shortest number"),
        pytest.param("123456", "123456", id="six digits are none"),
        pytest.param("1" * 16, "1" * 16, id="sixteen digits are none"),
        pytest.param("2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z", id="a time"),
        pytest.param(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            id="a trace",
        ),
        pytest.param("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***", id="a bearer"),
        pytest.param("?access_token=abc&x=1", "?access_token=***&x=1", id="a token in a query"),
        pytest.param("hub.verify_token=abc", "hub.verify_token=***", id="a verify token in a query"),
        pytest.param("EAAGm0PX4ZCpsBO1", "EAA***", id="one of Meta's tokens"),
        pytest.param("key tg_abcdefghij_-k", "key tg_***", id="one of our keys"),
        pytest.param("rediss://user:pass@host:6379/0", "rediss://***@host:6379/0", id="a login in an address"),
        pytest.param(
            "wamid.HBgLMTU1NTA3ODM4ODEVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA",
            "wamid.***RTY3RTcA",
            id="a message id of Meta's, which holds a number",
        ),
        pytest.param("nothing to hide", "nothing to hide", id="plain words"),
    ],
)
def test_a_text_is_masked(text: str, shown: str) -> None:
    assert logs.mask_text(text) == shown
    assert logs.mask_text(shown) == shown


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        pytest.param("to", "15550783881", "15***81", id="a recipient"),
        pytest.param("phone", 15550783881, "15***81", id="a recipient as a number"),
        pytest.param("user_id", "US.13491208655302741918", "13***18", id="a user's id"),
        pytest.param("to", ["15550783881"], "***", id="recipients"),
        pytest.param("recipient", "ab", "***", id="a recipient too short to show a part of"),
        pytest.param("number_id", "106540352242922", "106540352242922", id="an id of Meta's is none"),
        pytest.param("at_ms", 1763700000000, 1763700000000, id="nor is a time"),
        pytest.param("count", 15550783881, 15550783881, id="nor is a count"),
        pytest.param("access_token", "x", "***", id="a token of any form"),
        pytest.param("app_secrets", ["x"], "***", id="secrets"),
        pytest.param("payload_key", b"x", "***", id="a key"),
        pytest.param("Authorization", "Basic eDp5", "***", id="a header"),
        pytest.param("body", {"to": "15550783881", "15550783881": 1}, {"to": "15***81", "15***81": 1}, id="a body"),
        pytest.param("errors", ["to 15550783881", None, True], ["to 15***81", None, True], id="a list"),
        pytest.param("error", ValueError("to 15550783881"), "to 15***81", id="an exception"),
    ],
)
def test_a_value_is_masked_by_its_name_and_its_look(key: str, value: object, shown: object) -> None:
    assert logs.mask_value(value, key) == shown


def test_a_line_is_one_json_object_with_level_and_time() -> None:
    stream = io.StringIO()
    logs.configure("info", stream)
    structlog.get_logger().info("sent", to="15550783881", verdict="send", detail="a\nb")
    structlog.get_logger().debug("too quiet to be written")

    [line] = _lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {"event": "sent", "level": "info", "to": "15***81", "verdict": "send", "detail": "a\nb"}


def test_lines_of_libraries_go_the_same_way() -> None:
    stream = io.StringIO()
    logs.configure("warning", stream)
    logging.getLogger("aiohttp.server").info("too quiet")
    try:
        raise ValueError("cannot send to +15550783881 with EAAGm0PX4ZCpsBO1")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling %s", "/?access_token=abc")
        structlog.get_logger().exception("broken")

    theirs, ours = _lines(stream)
    assert (theirs["event"], theirs["level"]) == ("Error handling /?access_token=***", "error")
    assert theirs["logger"] == "aiohttp.server"
    assert ours["event"] == "broken"
    for line in (theirs, ours):
        assert "cannot send to +15***81 with EAA***" in line["exception"]
        assert "15550783881" not in str(line)


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="level must be"):
        logs.configure("loud")


def test_without_a_stream_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().warning("here")
    assert "here" in capsys.readouterr().err
