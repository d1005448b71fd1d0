"""Changes for the worse, and whom they concern."""

from __future__ import annotations

import pytest

from tests.factories import NUMBER, WABA
from tidegate.policy.fall import Place, is_fall, place_of


@pytest.mark.parametrize(
    ("kind", "field", "before", "after", "expected"),
    [
        pytest.param("number", "quality", "GREEN", "YELLOW", True, id="a number turns yellow"),
        pytest.param("number", "quality", "YELLOW", "RED", True, id="a number turns red"),
        pytest.param("number", "quality", None, "RED", True, id="a number is red when it is first seen"),
        pytest.param("number", "quality", "RED", "YELLOW", False, id="a number gets better"),
        pytest.param("number", "quality", "RED", "UNKNOWN", False, id="nobody knows how a number is"),
        pytest.param("number", "status", "CONNECTED", "RESTRICTED", True, id="a number is restricted"),
        pytest.param("number", "status", "CONNECTED", "FLAGGED", True, id="a number is flagged"),
        pytest.param("number", "status", "RESTRICTED", "CONNECTED", False, id="a number is well again"),
        pytest.param("number", "throughput", 1_000, 80, False, id="a pace is no rating"),
        pytest.param("template", "quality", "GREEN", "RED", True, id="a template turns red"),
        pytest.param("template", "status", "APPROVED", "PAUSED", True, id="a template is paused"),
        pytest.param("template", "status", "PAUSED", "DISABLED", True, id="a template is disabled"),
        pytest.param("template", "status", "PAUSED", "APPROVED", False, id="a template is approved again"),
        pytest.param("limit", "limit", 2_000, 250, True, id="a limit is lowered"),
        pytest.param("limit", "limit", -1, 100_000, True, id="a limit is set to what had none"),
        pytest.param("limit", "limit", 100_000, -1, False, id="a limit is taken away"),
        pytest.param("limit", "limit", None, 250, False, id="a limit is first known"),
        pytest.param("breaker", "state", "closed", "open", True, id="a breaker opens"),
        pytest.param("breaker", "state", "half_open", "open", False, id="a probe failed"),
        pytest.param("breaker", "state", "open", "closed", False, id="a breaker closes"),
        pytest.param("pause", "pause", None, {"scope": "number"}, False, id="an operator pauses"),
        pytest.param("rules", "rules", None, {}, False, id="the rules change"),
    ],
)
def test_a_change_for_the_worse_is_a_fall(kind, field, before, after, expected) -> None:
    assert is_fall(kind, field, before, after) is expected


HASH = "00" * 16


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        ("number", NUMBER, Place(number=NUMBER)),
        ("template", f"{WABA}:en_US:seasonal_offer", Place(waba=WABA)),
        ("warming", f"number:{NUMBER}", Place(number=NUMBER)),
        ("warming", f"template:{WABA}:en_US:seasonal_offer", Place(waba=WABA)),
        ("warming", "", Place()),
        ("wallet", WABA, Place(waba=WABA)),
        ("account", WABA, Place(waba=WABA)),
        ("limit", "", Place()),
        ("rules", "", Place()),
        ("breaker", f"r/number/{NUMBER}", Place(number=NUMBER)),
        ("breaker", f"r/category/{NUMBER}:marketing", Place(number=NUMBER)),
        ("breaker", f"r/template/{WABA}:en_US:a/b", Place(waba=WABA)),
        ("breaker", f"r/waba/{WABA}", Place(waba=WABA)),
        ("breaker", f"r/token/{WABA}", Place(waba=WABA)),
        ("breaker", "r/portfolio/lucky-shrub", Place()),
        ("breaker", f"r/recipient/{HASH}", Place(is_personal=True)),
        ("breaker", f"r/pair/{NUMBER}:{HASH}", Place(is_personal=True)),
    ],
)
def test_a_record_says_whom_it_concerns(kind: str, key: str, expected: Place) -> None:
    assert place_of(kind, key) == expected
