"""Settings of stores that are no file systems (the key `conf` of storages of these types)."""

from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from rosetta_hub.catalogue.conf import named_files
from rosetta_hub.catalogue.validation import Entry, pattern
from rosetta_hub.errors import ResourceUnavailable

_URL = pattern(
    r"^https?://[^\s?#@]+$",
    "write an address that begins with https://, without a password, '?' and '#'",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class StoreConf(Entry):
    """A store that the service reaches over HTTP, with a password of its own."""

    url: str = Field(pattern=_URL, description="Address of the store.")
    user: str = Field(default="", description="Account of the service there.")
    password_file: str | None = Field(default=None, description="File with its password.")
    ca_file: str | None = Field(default=None, description="CA of the address, if not a public one.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.user) != bool(self.password_file):
            raise ValueError("'user' and 'password_file' belong together: give both, or none")
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError("'url' has to begin with https://: files would cross a network openly")
        return self

    def files(self) -> dict[str, Path]:
        """The files that the service reads, by key."""
        return named_files(self)

    def settings(self) -> dict[str, Any]:
        """What the files program needs, with the password.

        Raises:
            ResourceUnavailable: a file can't be read.
        """
        try:
            password = Path(self.password_file).read_text().strip() if self.password_file else ""
            ca = Path(self.ca_file).read_text() if self.ca_file else ""
        except (OSError, ValueError) as error:
            text = "The settings of this storage can't be read. Tell the administrator."
            raise ResourceUnavailable(text) from error
        return {"url": self.url, "user": self.user, "password": password, "ca": ca}


class WebDavConf(StoreConf):
    """Storages of the type `webdav`."""


#: By the type of the storage.
STORE_CONF: dict[str, type[StoreConf]] = {"webdav": WebDavConf}
