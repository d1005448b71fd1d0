"""Books are kept under one identity key: a node with another one does not start, and the doctor says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories import PORTFOLIO
from tests.integration.edge.callers import config_text
from tidegate.app import Node, build
from tidegate.cli.examination import Level, examine
from tidegate.errors import UnfitStore
from tidegate.policy.identity import Identity
from tidegate.settings import load
from tidegate.store.embedded import socket_url
from tidegate.store.identity_mark import marked, marked_otherwise
from tidegate.store.scripts import StoreClient

OTHER = {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0", "TIDEGATE_PRIVACY__IDENTITY_KEY": "another key, of 32 bytes or more"}
SAME = {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"}


async def test_the_first_key_is_the_one(store_client: StoreClient) -> None:
    one, other = (Identity(letter * 32).mark for letter in (b"a", b"b"))
    assert await marked_otherwise(store_client, [PORTFOLIO], one) is None
    assert await marked(store_client, [PORTFOLIO], one) is None
    for wrong in (
        await marked(store_client, ["a-new-one", PORTFOLIO], other),
        await marked_otherwise(store_client, [PORTFOLIO], other),
    ):
        assert wrong is not None
        assert f"the books of {PORTFOLIO} are kept under" in wrong
    # Neither of them has begun the books of the new one.
    assert await marked(store_client, ["a-new-one", PORTFOLIO], one) is None


async def test_a_node_with_another_key_does_not_start_and_says_the_remedy(
    client: StoreClient, valkey_socket: str, tmp_path: Path
) -> None:
    path = tmp_path / "tidegate.toml"
    path.write_text(config_text(socket_url(valkey_socket), "http://127.0.0.1:9", limit="TIER_2K", clock=True))

    async def started(environ: dict[str, str]) -> Node:
        node = await build(load(path, environ))
        try:
            await node.start()
        finally:
            await node.stop()
        return node

    await started(SAME)
    with pytest.raises(UnfitStore, match=r"privacy.identity_key is not the one .*put the former key back"):
        await started(OTHER)
    await started(SAME)

    [finding] = [one for one in await examine(load(path, OTHER)) if one.subject == "privacy" and one.remedy]
    assert (finding.level, "put the former key back" in finding.remedy) == (Level.FAIL, True)
    assert not [one for one in await examine(load(path, SAME)) if one.subject == "privacy"]
