"""TLS of the listener: a certificate that can be exchanged while the node runs."""

from __future__ import annotations

import ssl
from pathlib import Path

from tidegate.settings.tables import Server


class Tls:
    """One context for the life of a node: what is exchanged in it holds for every handshake from then on."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """`certificate`: PEM, with the chain behind it; `key`: PEM, not encrypted. Raises OSError (ssl.SSLError)."""
        self._certificate = certificate
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        load_pair(self.context, certificate, key)

    @classmethod
    def of(cls, settings: Server) -> Tls | None:
        """What the configuration asks for; None for plain HTTP. Raises OSError (ssl.SSLError)."""
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        return cls(settings.tls_certificate, settings.tls_key)

    def reread(self) -> None:
        """Read both files anew. Raises OSError (ssl.SSLError), and keeps what it has then."""
        # A half that was exchanged already would make every handshake fail: tried on a context of nobody's first.
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._certificate, self._key)
        load_pair(self.context, self._certificate, self._key)


def load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Load a certificate and its key; nobody is asked for a password. Raises OSError (ssl.SSLError)."""
    context.load_cert_chain(certificate, key, password="")
