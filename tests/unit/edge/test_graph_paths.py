"""A raw target is taken apart without decoding; what could hide something in an escape is none of Graph's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.edge.denials import Denial
from tidegate.edge.graph_paths import credential, path_of_send, read_target, scrubbed


@pytest.mark.parametrize(
    ("raw", "version", "object_id", "edges"),
    [
        ("/v25.0/106540352242922/messages", "v25.0", "106540352242922", ("messages",)),
        ("/106540352242922/messages/", None, "106540352242922", ("messages",)),
        ("/v25/1?x=%2F", "v25", "1", ()),
        ("/v25.0/1/a/b.c-d_e~f:g", "v25.0", "1", ("a", "b.c-d_e~f:g")),
        ("/v99.0/upload:MTph_-+==?sig=AR", "v99.0", "upload:MTph_-+==", ()),
        ("/v25.0/Y2FwaV9ncm91cDox/participants", "v25.0", "Y2FwaV9ncm91cDox", ("participants",)),
    ],
)
def test_a_path_of_graphs_is_taken_apart(raw, version, object_id, edges):
    target = read_target(raw)

    assert target is not None
    assert (target.version, target.object_id, target.edges) == (version, object_id, edges)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "/",
        "//1/messages",
        "/v25.0/",
        "/v25.0//messages",
        "/v25.0/1//messages",
        "/v25.0/1/messages//",
        "/v25.0/1/..",
        "/v25.0/1/./messages",
        "/v25.0/1/%6dessages",
        "/v25.0/1;a=b/messages",
        "/v25.0/1/messages;a=b",
        "/v25.0/1/messages\\x",
        "/v25.0/١/messages",
        "/v25.0/1/messages\n",
        "/v25.0/1/messages?a b",
        "/v25.0/1?ü",
        "/V25.0/1/messages",
        "/vX/1/messages",
        "/me",
        "/v25.0/" + "1" * 21,
        "/v25.0/0106540352242922",
        "/0",
        "/v25.0/upload:",
        "/v25.0/upload:a/../b",
        "/v25.0/upload%3Aabc",
        "/v25.0/Y2FwaV9ncm91cD",
        "/v25.0/Z2FwaV9ncm91cDox",
    ],
)
def test_any_other_path_is_none(raw):
    assert read_target(raw) is None


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/1/messages", "GET", True),
        ("/1/messages", "PUT", False),
        ("/1/MESSAGES", "POST", False),
        ("/1/marketing_messages/x", "PATCH", False),
        ("/1/media", "POST", True),
        ("/1", "POST", True),
    ],
)
def test_near_the_edges_that_send_only_a_look_passes(path, method, allowed):
    target = read_target(path)

    assert target is not None
    assert target.allows(method) is allowed


@pytest.mark.parametrize(
    ("path", "may_be"),
    [
        ("/1", True),
        ("/v25.0/1/", True),
        ("/1/assets", True),
        ("/upload:abc", True),
        ("/1/assets/x", False),
        ("/1/register", False),
        ("/1/messages", False),
        ("/1/phone_numbers", False),
    ],
)
def test_below_an_unknown_id_only_what_may_be_below_a_file_a_template_or_a_flow(path, may_be):
    target = read_target(path)

    assert target is not None
    assert (target.may_be_unknown, target.is_upload) == (may_be, "upload" in path)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("phone_number_id=5", "5"),
        ("a=1&phone%5Fnumber.id=5", "5"),
        ("phone_number_id=", None),
        ("", None),
        ("phone_number_id=5&phone_number_id=6", None),
    ],
)
def test_the_number_that_a_query_names(query, number):
    target = read_target(f"/1?{query}")

    assert target is not None
    assert target.phone_number_id == number


@pytest.mark.parametrize(
    ("pairs", "key", "left"),
    [
        pytest.param("", None, "", id="nothing"),
        pytest.param("a=%2C&b", None, "a=%2C&b", id="other parameters stay as they are"),
        pytest.param("a=1&access_token=k%2Bx&b=2", "k+x", "a=1&b=2", id="a key is taken out"),
        pytest.param("access%5Ftoken=k", "k", "", id="a key whose name is escaped"),
        pytest.param("access.token=k", "k", "", id="a key by the name that PHP makes of it"),
        pytest.param("+access_token[]=k", "k", "", id="a key as a list"),
        pytest.param("access_token=a&access_token=b", None, "", id="two keys are none"),
        pytest.param("access_token=", None, "", id="an empty key is none"),
        pytest.param("appsecret_proof=f&x=1", None, "x=1", id="a proof of the key goes with it"),
    ],
)
def test_a_key_is_found_and_taken_out(pairs, key, left):
    assert (credential(pairs), scrubbed(pairs)) == (key, left)


@pytest.mark.parametrize("pairs", ["method=post", "%6Dethod=x", " METHOD=x", "batch[]=1", "ids=1,2", "a=1&batch"])
def test_a_disguise_is_refused(pairs):
    with pytest.raises(Denial):
        scrubbed(pairs)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("?to=1&fields=a%2Cb&method=x&access_token=k&debug=all", "?fields=a%2Cb&debug=all"),
        ("?to=1", ""),
        ("/?locale=de", "?locale=de"),
        ("/", ""),
    ],
)
def test_of_a_sends_query_only_what_shapes_the_answer_is_kept(given, kept):
    target = read_target(f"/v25.0/1/messages{given}")
    assert target is not None
    assert path_of_send(target) == f"/v25.0/1/messages{kept}"


@given(st.text(max_size=60))
def test_no_text_makes_the_reader_fail(text):
    target = read_target(text)
    assert target is None or text.isascii()
    _ = credential(text)
