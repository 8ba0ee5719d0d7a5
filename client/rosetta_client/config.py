"""Which hub is asked with which token: the environment, then the file that `rosetta login` writes.

The file holds tokens, so only its owner may read it. It is JSON:

    {"hub": "https://hub.example.org/", "hubs": {"https://hub.example.org/": {"token": "..."}}}
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from rosetta_client.errors import ConfigError

HUB_VARIABLE = "ROSETTA_HUB"
TOKEN_VARIABLE = "ROSETTA_TOKEN"  # noqa: S105 (the name, not a token)
FILE_VARIABLE = "ROSETTA_CONFIG"
SERVICE_PATH = "services/rosetta/"


@dataclass(frozen=True)
class Endpoint:
    """A hub, by its base address with a slash at the end, and the token for it."""

    hub: str
    token: str = field(default="", repr=False)

    @property
    def service(self) -> str:
        """The address of the service, with a slash at the end."""
        return self.hub + SERVICE_PATH

    @property
    def api(self) -> str:
        """The address that paths of the API are relative to."""
        return f"{self.service}api/v1/"

    def absolute(self, address: str) -> str:
        """The address of a page of the hub, of which the API gives the path alone."""
        return urljoin(self.hub, address)


def normalise_hub(text: str) -> str:
    """The base address of a hub from what a user has copied: also that of one of its pages.

    Raises:
        ConfigError: it is no web address.
    """
    if "://" not in text:
        text = f"https://{text}"
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ConfigError(f"{text!r} is not the address of a hub, such as https://hub.example.org.")
    path = parts.path
    for page in ("/hub/", "/services/rosetta/", "/user/"):
        path = (path + "/").partition(page)[0]
    return urlunsplit((parts.scheme, parts.netloc, path.rstrip("/") + "/", "", ""))


def config_path() -> Path:
    """Where the file is."""
    if file := os.environ.get(FILE_VARIABLE):
        return Path(file)
    # Imported here, because it takes a tenth of the time that a command may take to start.
    import platformdirs

    return Path(platformdirs.user_config_dir("rosetta")) / "config.json"


class ConfigFile:
    """The hubs that the user is logged in to."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_path()

    def endpoint(self, hub: str | None = None) -> Endpoint:
        """The hub that is named, or the one that was logged in to last, with its token.

        A variable of the environment goes before the file. ROSETTA_TOKEN is for the hub that
        ROSETTA_HUB or `hub` names: a token must not get to another one.

        Raises:
            ConfigError: no hub is named, or the file can't be read.
        """
        named = hub or os.environ.get(HUB_VARIABLE)
        content = self._read()
        address = normalise_hub(named) if named else content.get("hub")
        if not address:
            raise ConfigError(
                "Nobody is logged in. Use 'rosetta login https://hub.example.org', or set"
                f" {HUB_VARIABLE} and {TOKEN_VARIABLE}."
            )
        token = os.environ.get(TOKEN_VARIABLE) if named else None
        return Endpoint(address, token or self._hubs(content).get(address, {}).get("token", ""))

    def save(self, endpoint: Endpoint) -> None:
        """Keep the token, and ask this hub from now on.

        Raises:
            ConfigError: the file can't be read or written.
        """
        content = self._read()
        hubs = {**self._hubs(content), endpoint.hub: {"token": endpoint.token}}
        self._write({**content, "hub": endpoint.hub, "hubs": hubs})

    def forget(self, hub: str) -> None:
        """Drop the token of a hub.

        Raises:
            ConfigError: the file can't be read or written.
        """
        content = self._read()
        hubs = {key: value for key, value in self._hubs(content).items() if key != hub}
        last = content.get("hub")
        self._write(
            {**content, "hub": next(iter(hubs), None) if last == hub else last, "hubs": hubs}
        )

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.path} can't be read: {error}. Mend or delete it.") from error
        if not isinstance(content, dict):
            raise ConfigError(f"{self.path} is not a JSON object. Mend or delete it.")
        return content

    def _hubs(self, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
        hubs = content.get("hubs")
        return hubs if isinstance(hubs, dict) else {}

    def _write(self, content: dict[str, Any]) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A new file in its place: never half of one, and readable by its owner alone.
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".config-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
            os.replace(name, self.path)
        except OSError as error:
            raise ConfigError(f"{self.path} can't be written: {error}.") from error
