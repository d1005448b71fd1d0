"""What the clients post to: nginx with one answer for all, in the clear, over TLS, and over HTTP/2."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from loadtest.bench.served import answers, free_port

_ANSWER: Final = (
    '{"messaging_product":"whatsapp","contacts":[{"input":"16505551234","wa_id":"16505551234"}],'
    '"messages":[{"id":"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI5QTNDQTVC","message_status":"accepted"}]}'
)
_CONF: Final = """
daemon off; master_process off; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; listen 127.0.0.1:{http2} ssl http2;
    ssl_certificate {folder}/own.pem; ssl_certificate_key {folder}/own.key;
    http2_max_concurrent_streams 1024;
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""
_DAY: Final = datetime.timedelta(days=1)


class Platform(NamedTuple):
    """Addresses, and the certificate that vouches for the last two."""

    plain: str
    tls: str
    http2: str
    trusted: Path


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Serve until the end of the block."""
    with TemporaryDirectory(prefix="tidegate-clients-") as name:
        folder = Path(name)
        _certify(folder)
        plain, tls, http2 = (free_port() for _ in range(3))
        conf = folder / "nginx.conf"
        conf.write_text(_CONF.format(folder=folder, plain=plain, tls=tls, http2=http2, answer=_ANSWER))
        nginx = await asyncio.create_subprocess_exec("nginx", "-p", name, "-e", "/dev/null", "-c", str(conf))
        try:
            await answers(f"http://127.0.0.1:{plain}")
            addresses = (f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", f"https://127.0.0.1:{http2}")
            yield Platform(*addresses, trusted=folder / "own.pem")
        finally:
            nginx.terminate()
            await nginx.wait()


def _certify(folder: Path) -> None:
    """A certificate for this machine that vouches for itself, like Meta's of an elliptic curve."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "own.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "own.key").write_bytes(secret)
