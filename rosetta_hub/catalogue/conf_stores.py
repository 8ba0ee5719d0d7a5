"""Settings of stores that are no file systems (the key `conf` of storages of these types)."""

import abc
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from rosetta_hub.catalogue.computing_conf import named_files
from rosetta_hub.catalogue.validation import Entry, pattern
from rosetta_hub.errors import ResourceUnavailable

_URL = pattern(
    r"^https?://[^\s?#@]+$",
    "write an address that begins with https://, without a password, '?' and '#'",
)
_SERVER = pattern(
    r"^$|^https?://[^\s?#@/]+/?$",
    "write the address of a server that begins with https://, without a path or a password",
)
_BUCKET = pattern(r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$", "write the name of a bucket alone")
_REGION = pattern(r"^[a-z0-9][a-z0-9-]*$", "write a region such as 'eu-central-1'")
_KEY_ID = pattern(r"^[^\s/]+$", "write the identifier of a key, without spaces and slashes")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StoreConf(Entry, abc.ABC):
    """A store that the service reaches over HTTP, with a secret of its own."""

    type: ClassVar[str]
    """That of the storages."""
    library: ClassVar[str]
    """The module without which there is no such storage."""

    url: str = Field(default="", description="Address of the store.")
    ca_file: str | None = Field(default=None, description="CA of the address, if not a public one.")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        parts = urlsplit(self.url)
        if self.url and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError("'url' has to begin with https://: files would cross a network openly")
        return self

    def files(self) -> dict[str, Path]:
        """The files that the service reads, by key."""
        return named_files(self)

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the files program needs, with the secret.

        Raises:
            ResourceUnavailable: a file can't be read.
        """


class WebDavConf(StoreConf):
    """Storages of the type `webdav`."""

    type: ClassVar[str] = "webdav"
    library: ClassVar[str] = "httpx"

    url: str = Field(pattern=_URL, description="Address of the store.")
    user: str = Field(default="", description="Account of the service there.")
    password_file: str | None = Field(default=None, description="File with its password.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.user) != bool(self.password_file):
            raise ValueError("'user' and 'password_file' belong together: give both, or none")
        return self

    def settings(self) -> dict[str, Any]:
        """See StoreConf."""
        password, ca = _read(self.password_file).strip(), _read(self.ca_file)
        access = {"url": self.url, "user": self.user, "password": password, "ca": ca}
        return {"type": self.type, **access}


class S3Conf(StoreConf):
    """Storages of the type `s3`."""

    type: ClassVar[str] = "s3"
    library: ClassVar[str] = "botocore"

    url: str = Field(
        default="", pattern=_SERVER, description="Address of the server; empty: Amazon's."
    )
    bucket: str = Field(pattern=_BUCKET, description="The bucket.")
    region: str = Field(default="us-east-1", pattern=_REGION, description="Where the bucket is.")
    access_key_id: str = Field(pattern=_KEY_ID, description="Identifier of the service's key.")
    secret_key_file: str = Field(description="File with the secret of that key.")

    def settings(self) -> dict[str, Any]:
        """See StoreConf."""
        url = self.url.rstrip("/") or f"https://s3.{self.region}.amazonaws.com"
        key = {
            "access_key_id": self.access_key_id,
            "secret_key": _read(self.secret_key_file).strip(),
        }
        place = {"url": url, "region": self.region, "bucket": self.bucket}
        return {"type": self.type, **place, **key, "ca_file": self.ca_file or ""}


def _read(path: str | None) -> str:
    """The content of a file; empty without one."""
    try:
        return Path(path).read_text() if path else ""
    except (OSError, ValueError) as error:
        text = "The settings of this storage can't be read. Tell the administrator."
        raise ResourceUnavailable(text) from error


#: By the type of the storage.
STORE_CONF: dict[str, type[StoreConf]] = {conf.type: conf for conf in (WebDavConf, S3Conf)}
