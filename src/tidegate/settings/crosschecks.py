"""Faults that no single key shows: ids used twice, unknown numbers, switches that exclude each other.

Works on the file's values rather than on the finished settings, so that one wrong key elsewhere hides none
of these.
"""

import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tidegate.errors import Fault
from tidegate.settings.shape import Path, similar, spell
from tidegate.settings.tables import Server

META_DOMAINS = ("facebook.com", "whatsapp.com", "meta.com")


def cross_check(written: dict[str, Any]) -> Iterator[Fault]:
    """Every fault between keys. `written` is the file with overrides and secret files applied."""
    portfolios = list(_entries(written, (), "portfolio"))
    wabas = [found for path, portfolio in portfolios for found in _entries(portfolio, path, "waba")]
    numbers = [found for path, waba in wabas for found in _entries(waba, path, "number")]
    apps = list(_entries(written, (), "app"))

    yield from _used_twice("id", portfolios)
    yield from _used_twice("id", wabas)
    yield from _used_twice("id", numbers)
    yield from _used_twice("name", apps)
    yield from _shared_keys(apps)
    yield from _unknown_numbers(apps, [str(number.get("id")) for _, number in numbers])
    alerts = (("alerts",), _table(written, "alerts"))
    yield from _unsigned_webhooks([*apps, alerts])
    if _table(written, "relay").get("allow_private") is not True:
        yield from _private_webhooks([*apps, alerts])
    yield from _switches(written)
    yield from _ports(_table(written, "server"))
    yield from _certificate(_table(written, "server"))


def _entries(table: dict[str, Any], path: Path, name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    entries = table.get(name)
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield (*path, name, index), entry


def _used_twice(key: str, entries: list[tuple[Path, dict[str, Any]]]) -> Iterator[Fault]:
    first: dict[str, Path] = {}
    for path, entry in entries:
        value = entry.get(key)
        if not isinstance(value, str | int):
            continue
        seen = first.setdefault(str(value), path)
        if seen != path:
            yield Fault(spell((*path, key)), f"the same {key} as {spell(seen)}")


def _shared_keys(apps: list[tuple[Path, dict[str, Any]]]) -> Iterator[Fault]:
    first: dict[str, Path] = {}
    for path, app in apps:
        hashes = app.get("key_sha256")
        for key_hash in hashes if isinstance(hashes, list) else [hashes]:
            if not isinstance(key_hash, str):
                continue
            seen = first.setdefault(key_hash.lower(), path)
            if seen != path:
                yield Fault(spell((*path, "key_sha256")), f"the same key as {spell(seen)}: each app needs its own")


def _unknown_numbers(apps: list[tuple[Path, dict[str, Any]]], known: list[str]) -> Iterator[Fault]:
    for path, app in apps:
        wanted = app.get("numbers")
        for index, number_id in enumerate(wanted if isinstance(wanted, list) else ()):
            if isinstance(number_id, str | int) and str(number_id) not in known:
                place = spell((*path, "numbers", index))
                yield Fault(place, "no portfolio has a number of this id", similar(str(number_id), known))


def _unsigned_webhooks(tables: list[tuple[Path, dict[str, Any]]]) -> Iterator[Fault]:
    for path, table in tables:
        if "webhook_url" in table and "webhook_secret" not in table:
            yield Fault(spell((*path, "webhook_secret")), "required beside webhook_url: what goes there is signed")


def _certificate(server: dict[str, Any]) -> Iterator[Fault]:
    names = ("tls_certificate", "tls_key")
    given = [name for name in names if name in server]
    if len(given) == 1:
        missing = next(name for name in names if name not in given)
        yield Fault(f"server.{missing}", f"required beside {given[0]}")
    elif given and all(isinstance(server[name], str) for name in names):
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server["tls_certificate"], server["tls_key"], password="")
        except ssl.SSLError:
            yield Fault("server.tls_certificate", "is no PEM file with the certificate of the key in server.tls_key")
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else "is no path"
            yield Fault("server.tls_certificate", f"it, or server.tls_key, cannot be read: {problem}")


def _private_webhooks(tables: list[tuple[Path, dict[str, Any]]]) -> Iterator[Fault]:
    for path, table in tables:
        url = table.get("webhook_url")
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
            port = parts.port if parts else None
        except ValueError:
            continue
        if parts is None or parts.scheme not in ("http", "https"):
            continue
        if parts.scheme == "http" or port not in (None, 443, 8443):
            problem = "has to be https:// at port 443 or 8443, or relay.allow_private has to be true"
            yield Fault(spell((*path, "webhook_url")), problem)


def _switches(written: dict[str, Any]) -> Iterator[Fault]:
    testing, store = _table(written, "testing"), _table(written, "store")
    if testing.get("clock") is True and _is_metas(_table(written, "upstream").get("base_url")):
        yield Fault("testing.clock", "refused beside a real Graph API (upstream.base_url): places would be miscounted")
    url, replicas = store.get("url", "embedded:"), store.get("replicas_ack", 0)
    if not isinstance(url, str) or not isinstance(replicas, int) or replicas <= 0:
        return
    if url.startswith("embedded:"):
        yield Fault("store.replicas_ack", "the embedded store has no replicas: needs a store.url of a server that has")
    elif url.startswith("redis+cluster:"):
        problem = "of a cluster no replica can be waited for: needs a primary with replicas, or Sentinel; or 0 here, "
        yield Fault("store.replicas_ack", problem + "and appendfsync always on every node of the cluster")


def _ports(server: dict[str, Any]) -> Iterator[Fault]:
    control, workers = server.get("control_listen"), server.get("workers", 1)
    if not isinstance(control, str):
        return
    is_free = control.endswith(":0")
    if control == server.get("listen", Server().listen) and not is_free:
        yield Fault("server.control_listen", "the same as server.listen: leave it out, or take another port")
    if is_free and isinstance(workers, int) and workers > 1:
        yield Fault("server.control_listen", "needs a port: each of several workers would take another free one")


def _table(written: dict[str, Any], name: str) -> dict[str, Any]:
    table = written.get(name)
    return table if isinstance(table, dict) else {}


def _is_metas(base_url: Any) -> bool:
    if base_url is None:
        return True  # the default is Meta's own host
    try:
        host = (urlsplit(base_url).hostname or "").rstrip(".") if isinstance(base_url, str) else ""
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in META_DOMAINS)
