"""The requests of the bench: whom they are for, and that no two are alike."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from loadtest.bench.speed.traffic import Mix, Traffic

NUMBERS = ("106540352242922", "106540352242923")


def bodies(mix: Mix, count: int) -> list[dict[str, str]]:
    traffic = Traffic(NUMBERS, "tg_bench")
    traffic.mix = mix
    read = []
    for _ in range(count):
        head, _, body = traffic.request().partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        read.append(orjson.loads(body) | {"number": head.split(b"/")[2].decode()})
    return read


def test_eight_of_ten_are_to_new_users_one_to_a_user_of_before_and_one_a_text() -> None:
    sent = bodies(Mix.ALL, 3_000)
    kinds = Counter(message["type"] for message in sent)
    assert kinds == {"template": 2_700, "text": 300}
    templates = Counter(message["to"] for message in sent if message["type"] == "template")
    # Until there are users of before, all are new.
    assert 2_400 <= len(templates) <= 2_470


def test_no_two_bodies_are_alike() -> None:
    assert len({orjson.dumps(message) for message in bodies(Mix.ALL, 2_000)}) == 2_000


def test_a_text_goes_by_the_number_that_its_user_wrote_to() -> None:
    wrote_to = {user.user: user.number for user in Traffic(NUMBERS, "tg_bench").in_touch}
    texts = [message for message in bodies(Mix.ALL, 2_000) if message["type"] == "text"]
    assert texts
    assert all(wrote_to[message["to"]] == message["number"] for message in texts)


@pytest.mark.parametrize(("mix", "kind"), [(Mix.TEMPLATES, "template"), (Mix.TEXTS, "text")], ids=["waits", "no place"])
def test_a_mix_may_be_of_one_kind(mix: Mix, kind: str) -> None:
    assert {message["type"] for message in bodies(mix, 200)} == {kind}
