"""SIGHUP to `tidegate serve`: the rules of its file, as a whole or not at all; everything else waits for a restart."""

from __future__ import annotations

import pytest

from tests.system.served import Served
from tests.waiting import until

BEFORE, AFTER = "[testing]\n", "[rules]\nheadroom = 0.3\n[testing]\n"


async def has_headroom(served: Served, headroom: float) -> None:
    """Return once rules with this headroom are in force."""

    async def there() -> bool:
        return bool((await served.rules())["rules"]["headroom"] == headroom)

    await until(there)


async def has_logged(served: Served, event: str, times: int = 1) -> None:
    """Return once something is told in the log, as often as asked."""

    async def told() -> bool:
        return len(served.logged(event)) >= times

    await until(told)


async def test_the_files_rules_come_into_force_in_the_running_process(served: Served) -> None:
    served.rewrite(BEFORE, AFTER)

    served.hang_up()

    await has_headroom(served, 0.3)
    await has_logged(served, "rules_replaced", times=2)
    assert served.process.returncode is None
    assert [line["by"] for line in served.logged("rules_replaced")] == ["the file of a node at its start", "SIGHUP"]
    assert not served.logged("restart_needed")


async def test_a_file_with_faults_changes_nothing_and_every_fault_is_told(served: Served) -> None:
    served.rewrite(BEFORE, "[rules]\nheadrom = 0.3\n[rules.hold]\nutility = 5\n[testing]\n")

    served.hang_up()

    await has_logged(served, "configuration_refused")
    assert served.logged("configuration_refused")[0]["faults"] == [
        "rules.hold.utility: must be 'queue' or 'reject'",
        "rules.headrom: unknown key; did you mean rules.headroom?",
    ]
    assert (await served.rules())["rules"]["headroom"] == 0.05
    assert (await served.send("+15550100001")).headers["Tidegate-Verdict"] == "send"

    served.rewrite("headrom = 0.3", "headroom = 0.3")
    served.rewrite("utility = 5", 'utility = "reject"')
    served.hang_up()
    await has_headroom(served, 0.3)


async def test_a_file_that_is_gone_changes_nothing(served: Served) -> None:
    before = await served.rules()
    served.config.unlink()

    served.hang_up()

    await has_logged(served, "configuration_refused")
    assert await served.rules() == before


async def test_what_else_changed_in_the_file_is_said_to_need_a_restart(served: Served) -> None:
    served.rewrite(BEFORE, AFTER)
    served.rewrite("messaging_limit = 2000", "messaging_limit = 250")
    served.rewrite('scopes = ["send", "read", "admin"]', 'scopes = ["send", "read"]')

    served.hang_up()

    await has_headroom(served, 0.3)
    await has_logged(served, "restart_needed")
    assert served.logged("restart_needed")[0]["changed"] == ["portfolio", "app"]


async def test_rules_that_were_put_outlive_a_restart_until_the_file_is_read_anew(served: Served) -> None:
    put = await served.put_rules({"headroom": 0.2})
    assert await served.stop() == 0

    await served.start()
    assert await served.rules() == put

    served.hang_up()
    await has_headroom(served, 0.05)


async def test_a_restart_with_other_rules_in_the_file_is_the_last_word(served: Served) -> None:
    await served.put_rules({"headroom": 0.2})
    assert await served.stop() == 0
    served.rewrite(BEFORE, AFTER)

    await served.start()

    assert (await served.rules())["rules"]["headroom"] == 0.3


@pytest.mark.parametrize("served", [2], indirect=True, ids=["two workers"])
async def test_the_workers_of_a_node_are_told_by_it(served: Served) -> None:
    served.rewrite(BEFORE, AFTER)

    served.hang_up()

    await has_headroom(served, 0.3)
    assert served.process.returncode is None
    assert not served.logged("worker_ended")
    assert await served.stop() == 0
