"""JSON that is kept for long."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from tidegate.lasting import lasting_json


@pytest.mark.parametrize("value", [{}, ["shop", "101"], {"app": "shop", "campaign": "été"}, "x" * 5_000])
def test_it_is_the_same_json_and_takes_no_more_memory_than_it_is_long(value: object) -> None:
    many = 200
    tracemalloc.start()
    try:
        kept = [lasting_json(value) for _ in range(many)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert set(kept) == {orjson.dumps(value)}
    assert taken / many < len(kept[0]) + 128
