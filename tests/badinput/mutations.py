"""What is done to a right request: every choice is the given generator's, so that a number names an input."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.badinput.seeds import Plane, Seed
from tests.integration.edge.callers import signed

_NASTY_BYTES: Final = (
    *(b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\x7f", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b" ", b"\t", b":", b";", b",", b'"', b"\\", b"%", b"%00", b"%2e%2e", b"%2f", b"../", b"//", b"?", b"#", b"&"),
    *(b"0\r\n\r\n", b"-1", b"+1", b"0x10", b"9" * 40, b"A" * 9_000, "\u0661\uff11\u200b\u202e".encode(), b"1_0"),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 0\r\n",
        b"Host: evil\r\n",
        b"HTTP/1.1",
        b"GET / HTTP/1.1\r\n",
    ),
)
_NASTY_TEXTS: Final = (
    *("", " ", "\0", "\n", "\u2028", "\u202e", "\u200b", "\ufeff", "\u0661\u0662\u0663", "\uff11\uff12", "e\u0301"),
    *("+", "++49", "0049 170 1234567", "tel:+49170", "+1-800-FLOWERS", "+49(0)170", "1" * 16, "-1", "1e400", "NaN"),
    *("../..", "%2e%2e", "${jndi:ldap://x}", "{{1}}", "=cmd", "<script>", "' OR 1=1 --", "__proto__", "\x1b[2J"),
    *("x" * 513, "x" * 5_000, "\U0001f600" * 300, "wamid.\n", "tg1-", "US." + "9" * 200, "9999-12-31T23:59:59Z"),
)
_NASTY_VALUES: Final = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, 5e-324),
    *([], {}, [[]], [{}], [None], {"": None}, {"a": {"b": {"c": []}}}, [1] * 300, {"k" * 300: 1}),
)
_NASTY_JSON: Final = (
    *('"\\ud800"', '"\\udc00\\ud800"', "NaN", "-Infinity", "1e400", "1" * 5_000, "00", "1.", "+1", "'a'", '"\\x"'),
    *("[" * 150 + "]" * 150, "[" * 250 + "]" * 250, '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', "tru", ",", '"\x01"'),
)
_HEADERS: Final = (
    *("Content-Type", "Content-Encoding", "Authorization", "Idempotency-Key", "Tidegate-Category", "Tidegate-Expires"),
    *("Tidegate-Not-Before", "Tidegate-Dry-Run", "Tidegate-Hold", "Tidegate-Moon", "traceparent", "X-Request-Id"),
    *("X-Hub-Signature-256", "X-HTTP-Method-Override", "X-Forwarded-For", "X-Forwarded-Proto", "Connection", "Expect"),
    *("Host", "Cookie", "If-Match", "Accept-Encoding", "Upgrade", "Range", "TE", "Trailer", "Via", "Content-Length"),
)
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
_TEXTS_OF_HEADERS: Final = (
    *("", " ", "identity", "gzip", "gzip, identity", "Bearer", "Bearer x", "Basic eA==", "bearer  tg_x", "\xff\xfe"),
    *("application/json; charset=utf-16", "application/x-www-form-urlencoded", "multipart/form-data", "text/\xff"),
    *("true", "marketing", "60", "-1", "9" * 30, "\u00b2", "2026-13-45T99:99:99Z", "2999-01-01T00:00:00+99:99"),
    *(
        "sha256=" + "0" * 64,
        "sha256=\xff",
        "100-continue",
        "close",
        "keep-alive, Upgrade",
        "x" * 7_000,
        '"a\\"',
        "[::1",
    ),
)


@dataclass(frozen=True, slots=True)
class Input:
    """Bytes to be written. `whole`: they are one well-framed request, so that an answer has to come."""

    raw: bytes
    path: str
    whole: bool


def make_input(plane: Plane, seed: int, number: int) -> Input:
    """The input of this number; the same for the same numbers, whatever the process."""
    chance = random.Random(f"{plane.name}:{seed}:{number}")
    start = chance.choice(plane.seeds)
    if chance.random() < 0.25:
        return Input(_scrambled(_framed(start), chance), start.path, whole=False)
    changed = start
    for _ in range(chance.choice((1, 1, 2, 3))):
        changed = chance.choice(_CHANGES)(changed, chance)
    raw = _framed(changed, chunked=chance.random() < 0.1)
    return Input(raw, changed.path, whole=changed.path.startswith("/") and not re.search("[^!-~]", changed.path))


def _framed(seed: Seed, *, chunked: bool = False) -> bytes:
    body = json.dumps(seed.document).encode() if seed.document is not None and not seed.body else seed.body
    headers = [("Host", "gate"), ("Connection", "close"), *seed.headers]
    if seed.key:
        headers.append(("Authorization", f"Bearer {seed.key}"))
    if seed.signed:
        headers += [pair for pair in signed(body).items() if pair[0] != "Content-Type"]
    if chunked:
        headers.append(("Transfer-Encoding", "chunked"))
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    elif body or seed.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{seed.method} {seed.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + body


def _scrambled(raw: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(raw) + 1)
        to = min(len(raw), at + chance.choice((0, 1, 1, 4, 40)))
        put = chance.choice((b"", chance.randbytes(chance.choice((1, 4))), chance.choice(_NASTY_BYTES), raw[at:to] * 2))
        raw = raw[:at] + put + raw[to:]
    return raw


def _value_changed(seed: Seed, chance: random.Random) -> Seed:
    if seed.document is None:
        return _bytes_changed(seed, chance)
    document = json.loads(json.dumps(seed.document))
    holder, key = chance.choice(list(_places(document)) or [(None, None)])
    if holder is None:
        return replace(seed, document=chance.choice(_NASTY_VALUES))
    _CHANGES_OF_VALUES[chance.randrange(len(_CHANGES_OF_VALUES))](holder, key, chance)
    return replace(seed, document=document)


def _text_changed(seed: Seed, chance: random.Random) -> Seed:
    """JSON that no document stands for."""
    if seed.document is None:
        return _bytes_changed(seed, chance)
    text = json.dumps(seed.document, ensure_ascii=chance.random() < 0.5)
    found = list(re.finditer(r'"[^"\\]*"|[0-9]+|true|false', text))
    match chance.randrange(4) if found else 3:
        case 0:
            at = chance.choice(found)
            text = text[: at.start()] + chance.choice(_NASTY_JSON) + text[at.end() :]
        case 1:
            text = re.sub(r'"([a-z_]+)":', lambda name: f"{name[0]} 1, {name[0]}", text, count=1)
        case 2:
            text = text[: chance.randrange(len(text))]
        case _:
            text = chance.choice(("\ufeff" + text, text + text, text + "\0", f"[{text}", "", "null", "[]", '"x"'))
    encoding = chance.choice(("utf-8", "utf-8", "utf-16", "utf-32", "utf-7"))
    return replace(seed, document=None, body=text.encode(encoding, "surrogatepass"))


def _bytes_changed(seed: Seed, chance: random.Random) -> Seed:
    body = seed.body or (json.dumps(seed.document).encode() if seed.document is not None else b"")
    return replace(seed, document=None, body=_scrambled(body, chance))


def _grown(seed: Seed, chance: random.Random) -> Seed:
    """Large, and still below what is refused for its size alone."""
    if seed.document is None:
        return replace(seed, body=seed.body + b"&a=" + b"x" * chance.choice((10_000, 250_000)))
    most = 2_500_000 if seed.signed else 60_000 if "gateway" in seed.path else 250_000
    text = json.dumps(seed.document)
    kind = chance.randrange(6)
    if kind == 0 and seed.signed:
        envelope = json.loads(text)
        entries = envelope["entry"] * min(1_000, most // len(text))
        return replace(seed, document={**envelope, "entry": entries})
    made = (
        lambda: {f"k{i}": i for i in range(most // 16)},
        lambda: [":" * 10] * (most // 16),
        lambda: "\u00e4" * (most // 8),
        lambda: [[]] * (most // 6),
        lambda: [1e-300] * (most // 10),
        lambda: {"a\\u003a": [10**18] * (most // 24)},
    )[kind]()
    grown = f'{{"grown":{json.dumps(made)},{text[1:]}' if text.startswith("{") else text
    return replace(seed, document=None, body=grown[: most if chance.random() < 0.9 else most // 2].encode())


def _path_changed(seed: Seed, chance: random.Random) -> Seed:
    path, mark, query = seed.path.partition("?")
    parts = path.split("/")
    at = chance.randrange(1, len(parts))
    nasty = chance.choice(
        ("..", ".", "%2e%2e", "%2f", "", ";a=b", "%00", "%ff", "%", "%zz", "\xff", "1" * 30, "%D9%A1")
    )
    match chance.randrange(5):
        case 0:
            parts[at] = nasty
        case 1:
            parts[at] += nasty
        case 2:
            parts.insert(at, nasty)
        case 3:
            parts[at] = "".join(f"%{ord(letter):02x}" if chance.random() < 0.3 else letter for letter in parts[at])
        case _:
            pairs = [
                *query.split("&"),
                chance.choice(("a=%ff", "method=delete", "access_token=x", "days=%00", "=", "ids=1")),
            ]
            chance.shuffle(pairs)
            mark, query = "?", "&".join(pair for pair in pairs if pair)
    return replace(seed, path="/".join(parts) + mark + query)


def _header_changed(seed: Seed, chance: random.Random) -> Seed:
    kept = list(seed.headers)
    if kept and chance.random() < 0.2:
        kept.append(chance.choice(kept))
    if kept and chance.random() < 0.2:
        kept.pop(chance.randrange(len(kept)))
    kept.append((chance.choice(_HEADERS), chance.choice(_TEXTS_OF_HEADERS)))
    return replace(seed, headers=tuple(kept))


def _method_changed(seed: Seed, chance: random.Random) -> Seed:
    return replace(seed, method=chance.choice(_METHODS))


def _unsigned(seed: Seed, chance: random.Random) -> Seed:
    return replace(seed, signed=False, key=chance.choice((None, "tg_reader", "tg_stranger", "tg_sender", "", "\xff")))


def _put(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(chance.choice((_NASTY_VALUES, _NASTY_TEXTS)))


def _drop(holder: Any, key: Any, _chance: random.Random) -> None:
    del holder[key]


def _wrap(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(([holder[key]], {"x": holder[key]}, [holder[key]] * 50, str(holder[key])))


def _add(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder, dict):
        holder[chance.choice(_NASTY_TEXTS)] = holder[key]
    else:
        holder.append(chance.choice(_NASTY_VALUES))


_CHANGES_OF_VALUES: Final = (_put, _put, _put, _drop, _wrap, _add)
_CHANGES: Final[tuple[Callable[[Seed, random.Random], Seed], ...]] = (
    *(_value_changed,) * 5,
    *(_text_changed,) * 3,
    *(_path_changed,) * 3,
    *(_header_changed,) * 3,
    _bytes_changed,
    _grown,
    _method_changed,
    _unsigned,
)


def _places(document: Any) -> Any:
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in list(members):
        yield document, key
        yield from _places(value)
