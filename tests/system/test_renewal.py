"""Workers are replaced by turns, and one is killed, while callers send: a renewal costs none of them anything."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.system.renewing import open_house
from tests.system.served import Served
from tests.waiting import until


async def test_every_worker_is_replaced_and_no_send_fails_and_one_that_is_killed_takes_only_its_own(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house:
        async with house.callers.calling():
            await house.callers.go_on()
            await house.renew()
            await house.callers.go_on()
            assert not house.failed
            await house.kill_one()
            await house.callers.go_on()

        assert not [one for one in house.failed if not str(one.outcome).endswith("Error")], "others were refused"
        assert len(house.failed) <= 17, "more than there are callers"
        assert house.misfits() == (0, 0)


async def test_workers_end_when_the_process_that_watches_over_them_is_killed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        workers = house.pids()
        assert len(workers) == 2
        await house.served.kill()

        async def are_gone() -> bool:
            return not any(map(_runs, workers))

        await until(are_gone, within_s=60)
        assert len(house.served.logged("watcher_ended")) == 2


async def test_a_single_process_goes_on_and_says_that_it_can_not_be_replaced(served: Served) -> None:
    served.process.send_signal(signal.SIGUSR2)

    async def says_so() -> bool:
        return bool(served.logged("not_renewed"))

    await until(says_so)
    assert (await served.send("+15550100001")).status == 200
    assert await served.stop() == 0


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
