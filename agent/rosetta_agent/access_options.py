"""How a task is reached from other machines, as its spec says."""

import re
from typing import NamedTuple, Optional

from rosetta_agent.fields import Fields

#: Shorter than a pipe is (pipe(7)).
_PEM = re.compile(r"-----BEGIN [\x0a\x0d\x20-\x7e]{1,60000}\Z")
_KEY = re.compile(r"[0-9a-f]{64}\Z")
_HOST = re.compile(r"[0-9A-Za-z.:_-]{1,255}\Z")
_URL = re.compile(r"https?://[^\s/@?#]+/?\Z")
_ENGINE_URL = re.compile(r"tcp://[^\s/@]+:[0-9]+\Z")
_FILE = re.compile(r"/[^\x00\n]*\Z")


class Tls(NamedTuple):
    """A certificate and its key, both as PEM."""

    certificate: str
    key: str


class ListenOptions(NamedTuple):
    """Listen on an address of the node; who connects proves to know ``secret`` (32 bytes)."""

    host: str
    secret: bytes
    tls: Optional[Tls]

    def __repr__(self) -> str:
        """Without the secrets."""
        return "<Listen {}>".format(self.host)


class DialOptions(NamedTuple):
    """Dial the edge at ``url``; ``ca`` (PEM) replaces the node's own authorities."""

    url: str
    ca: Optional[str]


class EngineHost(NamedTuple):
    """A Docker daemon on another machine: mutual TLS with these files.

    Ports of containers are published on ``publish_address``, one of that machine's.
    """

    url: str
    ca: str
    certificate: str
    key: str
    publish_address: str


def parse_listen(fields: Optional[Fields]) -> Optional[ListenOptions]:
    """Read ``listen``."""
    if fields is None:
        return None
    tls = fields.optional_section("tls")
    return ListenOptions(
        host=fields.text("host", _HOST),
        secret=bytes.fromhex(fields.text("secret", _KEY)),
        tls=None if tls is None else Tls(tls.text("certificate", _PEM), tls.text("key", _PEM)),
    )


def parse_dial(fields: Optional[Fields]) -> Optional[DialOptions]:
    """Read ``dial``."""
    if fields is None:
        return None
    return DialOptions(fields.text("url", _URL).rstrip("/"), fields.optional_text("ca", _PEM))


def parse_authority(fields: Fields, key: str) -> Optional[str]:
    """Read a certificate authority (PEM), or None."""
    return fields.optional_text(key, _PEM)


def parse_engine_host(fields: Optional[Fields]) -> Optional[EngineHost]:
    """Read ``engine_host``."""
    if fields is None:
        return None
    return EngineHost(
        url=fields.text("url", _ENGINE_URL),
        ca=fields.text("ca", _FILE),
        certificate=fields.text("certificate", _FILE),
        key=fields.text("key", _FILE),
        publish_address=fields.text("publish_address", _HOST),
    )
