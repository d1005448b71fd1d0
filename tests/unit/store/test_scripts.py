"""Scripts are put together from their files, say what they do, and run on any server that forgot them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.store.client import connect
from tidegate.store.scripts import Script, StoreClient, script, script_names, time_scripts

ADD = """-- add: add to a number.
--
-- KEYS[1]  the number
-- ARGV[1]  how much
--
-- Returns the sum.
return redis.call('INCRBY', KEYS[1], ARGV[1])
"""


@pytest.fixture
def lua(tmp_path: Path) -> Path:
    (tmp_path / "add.lua").write_text(ADD)
    return tmp_path


@pytest.mark.parametrize("name", script_names())
class TestEveryScript:
    def test_says_in_its_header_what_it_takes_and_gives(self, name: str) -> None:
        own = Path(__file__).parents[3].joinpath("src", "tidegate", "store", "lua", f"{name}.lua").read_text()
        header = []
        for line in own.splitlines():
            if not line.startswith("--"):
                break
            header.append(line.removeprefix("--").strip())

        assert header[0].startswith(f"{name}: ")
        for section in ("KEYS", "ARGV", "Returns"):
            assert any(line.startswith(section) for line in header), section

    async def test_compiles_on_a_real_server(self, name: str, client: StoreClient) -> None:
        assert await client.execute_command("SCRIPT LOAD", script(name).text) == script(name).sha


class TestPuttingTogether:
    def test_a_script_without_fragments_is_its_file(self, lua: Path) -> None:
        assert Script("add", lua).text == ADD
        assert Script("add", lua).sha == hashlib.sha1(ADD.encode(), usedforsecurity=False).hexdigest()

    def test_fragments_come_first_in_the_order_named(self, lua: Path) -> None:
        (lua / "_one.lua").write_text("local one = 1\n")
        (lua / "_two.lua").write_text("local two = one + 1\n")
        (lua / "sum.lua").write_text("-- sum: add them.\n-- uses: one, two\nreturn one + two\n")

        lines = [line for line in Script("sum", lua).text.splitlines() if line]

        assert lines[:2] == ["local one = 1", "local two = one + 1"]
        assert lines[-1] == "return one + two"

    async def test_a_fragment_may_be_within_a_function(self, client: StoreClient, lua: Path) -> None:
        (lua / "_one.lua").write_text("-- one: one.\nlocal one = 1\n")
        (lua / "_two.lua").write_text("-- two: two.\nlocal two = 2\n")
        (lua / "late.lua").write_text(
            "-- late: y.\nlocal function f()\n  -- with: one, two\n  return one + two\nend\nreturn f()\n"
        )

        assert await Script("late", lua)(client, ["n"], []) == 3

    def test_a_comment_below_the_header_uses_nothing(self, lua: Path) -> None:
        (lua / "later.lua").write_text("-- later: return 1.\nreturn 1\n-- uses: nothing_of_the_sort\n")

        assert Script("later", lua).text.startswith("-- later")

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            pytest.param("-- x: y.\n-- uses: missing\n", LookupError, id="a fragment that is not there"),
            pytest.param("-- x: y.\n-- uses: ../add\n", LookupError, id="a fragment outside the folder"),
            pytest.param("-- x: y.\n-- uses: time,\n", LookupError, id="a comma too many"),
            pytest.param("-- x: y.\n-- uses: time, time\n", ValueError, id="a fragment twice"),
            pytest.param("-- x: y.\n-- uses: time\n-- uses: time\n", ValueError, id="two lines of uses"),
            pytest.param("-- x: y.\n-- uses: nested\n", ValueError, id="a fragment that uses a fragment"),
            pytest.param("-- x: y.\n-- uses: time\n-- with: time\n", ValueError, id="a fragment within, and before"),
        ],
    )
    def test_what_can_not_be_put_together_is_refused(self, lua: Path, text: str, fault: type[Exception]) -> None:
        (lua / "_time.lua").write_text("local now = 1\n")
        (lua / "_nested.lua").write_text("-- nested: more.\n-- uses: time\n")
        (lua / "x.lua").write_text(text)

        with pytest.raises(fault):
            Script("x", lua)

    @pytest.mark.parametrize("name", ["no_such_script", "_time", "../scripts", "Add", ""])
    def test_a_name_of_no_script_is_refused(self, name: str) -> None:
        with pytest.raises(LookupError):
            script(name)

    def test_fragments_are_not_listed_as_scripts(self) -> None:
        assert not [name for name in script_names() if name.startswith("_")]


class TestRunning:
    async def test_takes_keys_and_arguments_and_gives_the_answer(self, store_client: StoreClient, lua: Path) -> None:
        add = Script("add", lua)

        assert await add(store_client, ["n"], [5]) == 5
        assert await add(store_client, [b"n"], [b"-2"]) == 3
        assert await add(store_client, ["n"], ["1"]) == 4

    async def test_runs_once_on_a_server_that_forgot_it(self, store_client: StoreClient, lua: Path) -> None:
        add = Script("add", lua)
        await add(store_client, ["n"], [1])

        await store_client.execute_command("SCRIPT FLUSH")

        assert await add(store_client, ["n"], [1]) == 2
        assert await add(store_client, ["n"], [1]) == 3

    async def test_is_sent_by_its_hash_once_the_server_knows_it(self, client: StoreClient, lua: Path) -> None:
        add = Script("add", lua)
        for _ in range(3):
            await add(client, ["n"], [1])

        used = await client.execute_command("INFO", "commandstats")

        # The statistics are the server's since its start: what counts is that the text was sent less often.
        assert used["cmdstat_evalsha"]["calls"] > used["cmdstat_eval"]["calls"]

    async def test_a_script_that_breaks_is_a_bug_and_not_a_store_in_trouble(
        self, store_client: StoreClient, lua: Path
    ) -> None:
        (lua / "broken.lua").write_text("-- broken: call what is not there.\nreturn redis.call('NOSUCH')\n")

        with pytest.raises(ResponseError):
            await Script("broken", lua)(store_client, ["n"], [])


class TestTiming:
    async def test_a_call_is_timed_by_the_name_of_its_script(self, client: StoreClient, lua: Path) -> None:
        metrics, add = Metrics(), Script("add", lua)
        await add(client, ["x"], [1])
        time_scripts(client, metrics)
        for _ in range(2):
            await add(client, ["x"], [1])
        told = metrics.exposition()
        assert b'tidegate_store_seconds_count{script="add"} 2.0' in told
        assert b"tidegate_store_failures_total{" not in told

    async def test_a_call_without_an_answer_is_a_failure_and_no_time(self, lua: Path) -> None:
        metrics = Metrics()
        async with await connect("redis://127.0.0.1:1") as nowhere:
            time_scripts(nowhere.client, metrics)
            with pytest.raises(StoreUnavailable):
                await Script("add", lua)(nowhere.client, ["x"], [1])
        told = metrics.exposition()
        assert b'tidegate_store_failures_total{script="add"} 1.0' in told
        assert b'tidegate_store_seconds_count{script="add"} 0.0' in told
