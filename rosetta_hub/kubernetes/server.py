"""An API server as it is reached: its address, the authority of its certificate, our account."""

import ssl
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class ApiServer:
    """One API server and one account there: a client certificate, or a token."""

    url: str
    ca: str
    """The certificates, in PEM, of which one has to have signed the server's."""
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def to_document(self) -> Document:
        """As the API of the tunnels process takes it."""
        return {
            "url": self.url,
            "ca": self.ca,
            "certificate": self.certificate,
            "key": self.key,
            "token": self.token,
        }

    @property
    def headers(self) -> dict[str, str]:
        """Those of each request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def context(self) -> ssl.SSLContext:
        """TLS that checks the server's name and signer, and shows the client's certificate.

        Raises:
            ssl.SSLError, ValueError: a certificate or the key can't be read.
        """
        return _build_context(self.ca, self.certificate, self.key)


# A context costs a few milliseconds; certificates change once in months.
@lru_cache(maxsize=64)
def _build_context(ca: str, certificate: str | None, key: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    if certificate and key:
        # The ssl module takes these from files only.
        with tempfile.TemporaryDirectory(prefix="rosetta-") as folder:
            files = Path(folder, "certificate"), Path(folder, "key")
            for path, text in zip(files, (certificate, key), strict=True):
                path.touch(0o600)
                path.write_text(text)
            context.load_cert_chain(*map(str, files))
    return context
