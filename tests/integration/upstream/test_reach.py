"""Ways not to reach the Cloud API: each is proof that nothing was sent; and the ways around them."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.upstream.peers import OK, Peer, client, post
from tidegate.upstream import NotSent, Response

DAY = datetime.timedelta(days=1)


def nowhere() -> socket.socket:
    """A port at which nobody listens, for as long as it is kept."""
    kept = socket.socket()
    kept.bind(("127.0.0.1", 0))
    return kept


def vouched_for(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS for a host of this name, with a certificate in `own.pem` that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path, secret = folder / "own.pem", folder / "own.key"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    return context


@pytest.fixture
def names() -> Iterator[dict[str, list[tuple[str, int]]]]:
    """What names stand for, beside those that the machine knows; each look-up adds to `looked up`."""
    known: dict[str, list[tuple[str, int]]] = {"looked up": []}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **more: Any) -> Any:
        if host not in known:
            return real(host, port, *args, **more)
        known["looked up"].append((host, port))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where) for where in known[host]]

    with patch("socket.getaddrinfo", look_up):
        yield known


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_a_refused_connection_is_proof_that_nothing_was_sent() -> None:
    with nowhere() as unused:
        upstream = await client(f"http://127.0.0.1:{unused.getsockname()[1]}")
        results = await asyncio.gather(*[post(upstream) for _ in range(100)])
    await upstream.close()
    assert results == [NotSent("ConnectionRefusedError")] * 100


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 70}.invalid"])
async def test_a_name_that_does_not_resolve_is_proof_that_nothing_was_sent(host: str) -> None:
    upstream = await client(f"http://{host}")
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, NotSent)
    assert not result.lapsed


async def test_a_connection_that_is_never_made_is_proof_that_nothing_was_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        upstream = await client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.2)
        result = await post(upstream)
        await upstream.close()
        for caller in callers:
            caller.close()
    assert result == NotSent("TimeoutError")


async def test_a_handshake_that_does_not_end_is_proof_that_nothing_was_sent(peer: Peer) -> None:
    url = await peer.start()
    upstream = await client(url.replace("http", "https"), timeout_s=0.2)
    result = await post(upstream)
    await upstream.close()
    assert result == NotSent("TimeoutError")
    assert not peer.sends


class TestTls:
    """The host proves who it is before anything is sent."""

    @pytest.fixture
    def is_trusted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))

    async def test_whom_nobody_vouches_for_is_sent_nothing(self, peer: Peer, tmp_path: Path) -> None:
        url = await peer.start(vouched_for(tmp_path, "localhost"), "localhost")
        upstream = await client(url)
        result = await post(upstream)
        await upstream.close()
        assert result == NotSent("SSLCertVerificationError")
        assert not peer.received

    @pytest.mark.usefixtures("is_trusted")
    async def test_another_than_the_one_that_was_meant_is_sent_nothing(self, peer: Peer, tmp_path: Path) -> None:
        url = await peer.start(vouched_for(tmp_path, "graph.example"), "localhost")
        upstream = await client(url)
        result = await post(upstream)
        await upstream.close()
        assert result == NotSent("SSLCertVerificationError")
        assert not peer.received

    @pytest.mark.usefixtures("is_trusted")
    async def test_who_proves_it_is_told_which_host_is_meant_and_is_sent_to_over_one_connection(
        self, peer: Peer, tmp_path: Path
    ) -> None:
        context, asked = vouched_for(tmp_path, "localhost"), []
        context.sni_callback = lambda _socket, name, _context: asked.append(name)
        upstream = await client(await peer.start(context, "localhost"))
        results = [await post(upstream) for _ in range(3)]
        await upstream.close()
        assert {type(result) for result in results} == {Response}
        assert asked == ["localhost"]
        assert peer.connections == 1

    @pytest.mark.usefixtures("is_trusted")
    async def test_what_ends_with_its_connection_is_read_over_tls_too(self, peer: Peer, tmp_path: Path) -> None:
        peer.part = peer.says_and_ends(b"HTTP/1.1 200 OK\r\n\r\n{}")
        upstream = await client(await peer.start(vouched_for(tmp_path, "localhost"), "localhost"))
        result = await post(upstream)
        await upstream.close()
        assert isinstance(result, Response)
        assert result.body == b"{}"


class TestNames:
    """One name, several addresses."""

    async def test_the_next_address_is_tried_where_the_first_refuses(self, peer: Peer, names: Any) -> None:
        port = port_of(await peer.start())
        with nowhere() as unused:
            names["graph.test"] = [unused.getsockname(), ("127.0.0.1", port)]
            upstream = await client("http://graph.test")
            result = await post(upstream)
        await upstream.close()
        assert isinstance(result, Response)

    async def test_a_name_is_looked_up_once_for_many_connections(self, peer: Peer, names: Any) -> None:
        peer.part = peer.says_and_ends(OK.replace(b"200 OK", b"200 OK\r\nConnection: close"))
        names["graph.test"] = [("127.0.0.1", port_of(await peer.start()))]
        upstream = await client("http://graph.test:8443")
        for _ in range(5):
            assert isinstance(await post(upstream), Response)
        await upstream.close()
        assert peer.connections == 5
        assert names["looked up"] == [("graph.test", 8443)]
        assert b"Host: graph.test:8443\r\n" in peer.received

    async def test_a_name_is_looked_up_anew_when_its_address_is_no_good_any_more(self, peer: Peer, names: Any) -> None:
        port = port_of(await peer.start())
        with nowhere() as unused:
            names["graph.test"] = [unused.getsockname()]
            upstream = await client("http://graph.test")
            assert await post(upstream) == NotSent("ConnectionRefusedError")
            names["graph.test"] = [("127.0.0.1", port)]
            assert isinstance(await post(upstream), Response)
        await upstream.close()

    async def test_an_address_needs_no_look_up(self, peer: Peer, names: Any) -> None:
        names["127.0.0.1"] = []
        upstream = await client(await peer.start())
        assert isinstance(await post(upstream), Response)
        await upstream.close()

    async def test_ipv6_is_spoken(self) -> None:
        peer = Peer(lambda *_: asyncio.sleep(0))
        peer.part = peer.says(OK)
        server = await asyncio.start_server(peer._serve, "::1", 0)
        port = server.sockets[0].getsockname()[1]
        upstream = await client(f"http://[::1]:{port}")
        result = await post(upstream)
        await upstream.close()
        server.close()
        assert isinstance(result, Response)
        assert b"Host: [::1]:%d\r\n" % port in peer.received

    async def test_a_path_of_the_base_url_stands_before_that_of_the_send(self, peer: Peer) -> None:
        upstream = await client(f"{await peer.start()}/proxied%20")
        assert isinstance(await post(upstream), Response)
        await upstream.close()
        assert peer.received.startswith(b"POST /proxied%20/v25.0/")
