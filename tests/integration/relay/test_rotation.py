"""What signs webhooks for an app, and where they go, is replaced while a node runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.integration.relay.conftest import Counted, Town, inbound, messaging
from tests.integration.relay.listener import SECRET
from tests.waiting import until
from tidegate.cli.rereading import Rereading
from tidegate.settings import load
from tidegate.tasks import spawn

NEXT = "the-next-secret-of-the-app"


@pytest.fixture
async def rereading(town: Town) -> AsyncIterator[Rereading]:
    """Of a node whose app checkout has its secret in a file of its own."""
    services = (await town.node()).services
    path = town.directory / "tidegate.toml"
    (town.directory / "secret").write_text(f"{SECRET}\n")
    path.write_text(path.read_text().replace(f'webhook_secret = "{SECRET}"', 'webhook_secret_file = "secret"', 1))
    subscribers = services.relay.subscribers
    made = Rereading(path, load(path, {}), services.rules, services.credentials, services.keys, subscribers)
    running = spawn(made.run(), "rereading")
    yield made
    running.cancel()


async def test_the_next_webhook_goes_to_the_new_address_signed_with_the_new_secret(
    town: Town, gets: Counted, rereading: Rereading
) -> None:
    path, elsewhere = town.directory / "tidegate.toml", town.depot
    await town.tell(messaging(messages=[inbound("first", "wamid.1")]))
    await gets(town.checkout, 1)
    await gets(town.shop, 1)

    (town.directory / "secret").write_text(f"{NEXT}\n")
    path.write_text(path.read_text().replace(town.checkout.url, elsewhere.url))
    with capture_logs() as told:
        rereading.ask()

        async def is_read() -> bool:
            return any(line["event"] == "credentials_replaced" for line in told)

        await until(is_read)
    await town.tell(messaging(messages=[inbound("second", "wamid.2")]))
    await gets(elsewhere, 1)
    await gets(town.shop, 2)

    assert [got.is_signed for got in town.checkout.got] == [True]
    assert [got.is_signed_with(NEXT) for got in elsewhere.got] == [True]
    assert [got.is_signed for got in town.shop.got] == [True, True]
    [line] = [line for line in told if line["event"] == "credentials_replaced"]
    assert line["replaced"] == ["webhook_url of checkout", "webhook_secret of checkout"]
    assert "restart_needed" not in [line["event"] for line in told]
    assert NEXT not in str(told)


async def test_an_app_that_is_to_get_webhooks_no_more_is_said_to_need_a_restart(
    town: Town, gets: Counted, rereading: Rereading
) -> None:
    path = town.directory / "tidegate.toml"
    path.write_text(path.read_text().replace(f'webhook_url = "{town.checkout.url}"\n', ""))
    with capture_logs() as told:
        rereading.ask()

        async def is_read() -> bool:
            return any(line["event"] == "restart_needed" for line in told)

        await until(is_read)
    await town.tell(messaging(messages=[inbound()]))
    await gets(town.checkout, 1)

    assert [line["changed"] for line in told if line["event"] == "restart_needed"] == [["app"]]
    assert town.checkout.got[0].is_signed
