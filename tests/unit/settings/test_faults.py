"""Unknown keys and the nearest known one; every fault at once; rules replaced at run time."""

import pytest

from tests.unit.settings.conftest import FaultFinder
from tidegate.errors import BadConfiguration, Fault
from tidegate.policy.rules import Rules
from tidegate.settings import read_rules


@pytest.mark.parametrize(
    ("old", "new", "path", "nearest"),
    [
        pytest.param("headroom = ", "headrom = ", "rules.headrom", "rules.headroom", id="a letter lost"),
        pytest.param("workers = 1", "worker = 1", "server.worker", "server.workers", id="one for several"),
        pytest.param("[upstream]", "[upstraem]", "upstraem", "upstream", id="a table's name"),
        pytest.param("[rules.reserve]", "[rules.reserves]", "rules.reserves", "rules.reserve", id="a table in rules"),
        pytest.param(
            "access_token = ",
            "acces_token = ",
            "portfolio[0].waba[0].acces_token",
            "portfolio[0].waba[0].access_token",
            id="a secret",
        ),
        pytest.param(
            "access_token = ",
            "access_token_fil = ",
            "portfolio[0].waba[0].access_token_fil",
            "portfolio[0].waba[0].access_token_file",
            id="a secret's file",
        ),
        pytest.param(
            "[[portfolio.waba.number]]",
            "[[portfolio.waba.numbers]]",
            "portfolio[0].waba[0].numbers",
            "portfolio[0].waba[0].number",
            id="a list of tables",
        ),
        pytest.param("replicas_ack = 0", "base_url = 0", "store.base_url", "upstream.base_url", id="a key elsewhere"),
        pytest.param("Headroom", "Headroom", "rules.Headroom", "rules.headroom", id="a capital letter"),
        pytest.param("replicas_ack = 0", "xyzzy = 0", "store.xyzzy", None, id="nothing like it"),
        pytest.param("replicas_ack = 0", '"a b\\u001b" = 0', 'store."a b\\u001b"', None, id="a key in quotes"),
    ],
)
def test_an_unknown_key_is_a_fault_that_names_the_nearest_known_one(
    faults: FaultFinder, old: str, new: str, path: str, nearest: str | None
) -> None:
    changes = [("headroom", "Headroom")] if old == "Headroom" else []
    assert Fault(path, "unknown key", nearest) in faults(*changes, (old, new))


def test_every_fault_is_told_not_only_the_first(faults: FaultFinder) -> None:
    found = faults(
        ("workers = 1", "workers = 0"),
        ('verify_token = "hub-verify-token"\n', ""),
        ("EAAGsystemusertoken", ""),
        ("headroom", "headrom"),
        ('numbers = ["106540352242922"]', 'numbers = ["106540352242921"]'),
        ("clock = false", "clock = true"),
        environ={"TIDEGATE_POLL__INTERVALL": "1m"},
    )
    assert {fault.path for fault in found} == {
        "TIDEGATE_POLL__INTERVALL",
        "server.workers",
        "webhook.verify_token",
        "portfolio[0].waba[0].access_token",
        "rules.headrom",
        "app[0].numbers[0]",
        "testing.clock",
    }


def test_a_refused_entry_does_not_make_its_list_empty_as_well(faults: FaultFinder) -> None:
    assert [fault.path for fault in faults(("throughput = 80", "throughput = 0"))] == [
        "portfolio[0].waba[0].number[0].throughput"
    ]


def test_a_fault_reads_as_one_line() -> None:
    assert str(Fault("rules.headrom", "unknown key", "rules.headroom")) == (
        "rules.headrom: unknown key; did you mean rules.headroom?"
    )
    assert str(Fault("webhook", "required")) == "webhook: required"


def test_rules_are_read_alone_as_a_whole_or_not_at_all() -> None:
    assert read_rules({"headroom": 0.1}) == Rules(headroom=0.1)

    with pytest.raises(BadConfiguration) as refused:
        read_rules({"headrom": 0.1, "max_wait": {"utilty": "1d"}, "hold": {"utility": 5}, "reserve": []})

    assert refused.value.faults == (
        Fault("rules.reserve", "must be a table"),
        Fault("rules.hold.utility", "must be 'queue' or 'reject'"),
        Fault("rules.max_wait.utilty", "unknown key", "rules.max_wait.utility"),
        Fault("rules.headrom", "unknown key", "rules.headroom"),
    )
