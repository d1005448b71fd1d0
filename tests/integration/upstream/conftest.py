"""A peer that takes every send, stopped when its test is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.integration.upstream.peers import OK, Peer


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer(lambda *_: asyncio.sleep(0))
    peer.part = peer.says(OK)
    yield peer
    await peer.stop()
