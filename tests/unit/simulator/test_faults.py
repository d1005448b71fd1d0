"""Faults wait for the calls that they are meant for."""

from __future__ import annotations

import pytest

from tidegate.simulator.faults import Fault, Faults, On, Then


def test_a_fault_is_met_as_often_as_ordered_and_only_by_its_kind():
    faults = Faults()
    faults.add(Fault(Then.DROP, times=2))
    faults.add(Fault(Then.HTML, on=On.ANY))
    met = [faults.take(call) for call in (On.SENDS, On.READS, On.SENDS, On.SENDS)]
    assert [fault and fault.then for fault in met] == [Then.DROP, Then.HTML, Then.DROP, None]
    assert len(faults) == 0


def test_faults_can_be_taken_back():
    faults = Faults()
    faults.add(Fault(Then.DROP, times=5))
    assert len(faults) == 5
    faults.clear()
    assert faults.take(On.SENDS) is None


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"times": 0}, id="it never happens"),
        pytest.param({"hang_ms": -1}, id="it hangs a negative time"),
        pytest.param({"status": 99}, id="its status is none"),
        pytest.param({"then": Then.ANSWER}, id="a good answer to a call that is not accepted"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"fault|answer"):
        Fault(**({"then": Then.STATUS} | wrong))
