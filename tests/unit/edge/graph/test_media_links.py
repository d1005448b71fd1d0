"""Addresses of files: sealed, opened, and nothing else made into one."""

from __future__ import annotations

import json

import pytest

from tidegate.edge.graph.media_links import MediaLink, MediaLinks

META = "https://lookaside.fbsbx.com"
URL = f"{META}/whatsapp_business/attachments/?mid=1&ext=2&hash=abc"
LINKS = MediaLinks([b"k" * 32], [META])
LINK = MediaLink(URL, "checkout", "102290129340398")


def test_what_was_sealed_is_opened_by_whoever_has_the_key_and_by_nobody_else() -> None:
    path = LINKS.sealed(LINK)

    assert LINKS.opened(path) == MediaLinks([b"k" * 32], [META]).opened(path) == LINK
    assert MediaLinks([b"K" * 32], [META]).opened(path) is None
    assert MediaLinks([b"k" * 32], ["https://other.example"]).opened(path) is None


def test_while_keys_are_exchanged_each_node_opens_what_any_other_seals() -> None:
    before, ahead, after = (MediaLinks(keys, [META]) for keys in ([b"o" * 32], [b"o" * 32, b"n" * 32], [b"n" * 32]))
    both = MediaLinks([b"n" * 32, b"o" * 32], [META])

    assert [both.opened(sealing.sealed(LINK)) for sealing in (before, ahead, after, both)] == [LINK] * 4
    assert [after.opened(sealing.sealed(LINK)) for sealing in (before, ahead, after, both)] == [None, None, LINK, LINK]
    assert ahead.opened(both.sealed(LINK)) == LINK


def test_an_address_shows_nothing_of_what_it_stands_for_and_is_never_the_same() -> None:
    path = LINKS.sealed(LINK)

    assert "lookaside" not in path + repr(LINK)
    assert path != LINKS.sealed(LINK)


@pytest.mark.parametrize("path", ["/media/", "/media/x", "/media/" + "A" * 60, "/media/" + "é" * 60, "/x/" + "A" * 60])
def test_what_was_not_sealed_is_nothing(path: str) -> None:
    assert LINKS.opened(path) is None


@pytest.mark.parametrize("escaped", [False, True])
def test_of_a_description_the_address_alone_changes(escaped: bool) -> None:
    raw = json.dumps({"url": URL, "id": "7", "mime_type": "image/png", "sha256": "00"}, indent=1)
    raw = raw.replace("/", "\\/") if escaped else raw

    body = LINKS.rewritten(raw.encode(), "7", "checkout", "1", "https://gate.example")

    changed = json.loads(body)
    assert changed["url"].startswith("https://gate.example/media/")
    link = LINKS.opened(changed["url"].removeprefix("https://gate.example"))
    assert link == MediaLink(URL, "checkout", "1")
    assert body.decode().replace(json.dumps(changed["url"]), "") == raw.replace(
        json.dumps(URL).replace("/", "\\/") if escaped else json.dumps(URL), ""
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"id": "8", "url": URL}, id="another object"),
        pytest.param({"url": URL}, id="no id"),
        pytest.param({"data": [{"id": "7", "url": URL}]}, id="a list"),
        pytest.param({"id": "7", "websites": [URL]}, id="another field"),
        pytest.param({"id": "7", "url": "https://evil.example/"}, id="another host"),
        pytest.param({"id": "7", "url": f"{META}:444/"}, id="another port"),
        pytest.param({"id": "7", "url": f"{META}/é"}, id="no address"),
        pytest.param({"id": "7", "url": 7}, id="no text"),
    ],
)
def test_nothing_else_is_made_an_address_of_ours(body: object) -> None:
    raw = json.dumps(body).encode()
    assert LINKS.rewritten(raw, "7", "checkout", "1", "https://gate.example") == raw


def test_what_is_no_json_and_what_has_no_reader_stays() -> None:
    assert LINKS.rewritten(b'{"url"', "7", "a", "1", "https://gate.example") == b'{"url"'
    raw = json.dumps({"id": "7", "url": URL}).encode()
    assert LINKS.rewritten(raw, "7", "a", "1", "") == raw
