"""A file that is read anew comes into force though the store is away for a moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from structlog.testing import capture_logs

from tests.factories import DAY_MS, make_ledger, make_rules
from tests.integration.edge.callers import PORTFOLIO, config_text
from tests.waiting import until
from tidegate.cli.rereading import Rereading
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.keys_in_force import KeysInForce
from tidegate.policy.standing import Change, Standing
from tidegate.relay import Subscribers
from tidegate.rules_in_force import RulesInForce
from tidegate.settings import load
from tidegate.settings.credentials import Credentials
from tidegate.store.audit import Audit
from tidegate.store.key_uses import KeyUses
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings
from tidegate.tasks import spawn


class AwayOnce(Standings):
    """A store that does not take the first change."""

    was_away = False

    async def change_under(self, portfolio: str, epoch: int, changes: Sequence[Change]) -> bool:
        if not self.was_away:
            self.was_away = True
            raise StoreUnavailable("a test")
        return await super().change_under(portfolio, epoch, changes)


async def test_it_is_tried_again_until_the_store_takes_it(client: StoreClient, tmp_path: Path) -> None:
    config = tmp_path / "tidegate.toml"
    config.write_text(config_text("redis://127.0.0.1", "http://127.0.0.1:1", limit="TIER_2K", clock=True))
    settings = load(config, {})
    standings = AwayOnce(client, [Standing(PORTFOLIO, 0, 2_000, "config")])
    rules = RulesInForce(
        standings=standings,
        ledger=make_ledger(client, PORTFOLIO),
        audit=Audit(client, [PORTFOLIO], StoreClock().now_ms, DAY_MS),
        clock=StoreClock(),
        configured=make_rules(),
        settle_ms=0,
        rouse=lambda portfolio, reasons: None,
    )
    keys = KeysInForce(settings.apps, standings, KeyUses(client, PORTFOLIO), StoreClock())
    rereading = Rereading(config, settings, rules, Credentials(settings), keys, Subscribers(settings))
    rereading.ask()

    async def is_in_force() -> bool:
        return (await standings.current(PORTFOLIO)).rules == settings.rules

    with capture_logs() as told:
        running = spawn(rereading.run(), "rereading")
        await until(is_in_force)
        running.cancel()

    assert [line["event"] for line in told] == ["rules_not_replaced_yet", "rules_replaced"]
