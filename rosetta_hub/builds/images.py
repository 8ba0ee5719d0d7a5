"""Where images are that were built: in a registry, or in an engine of the builder."""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosetta_hub.builds.builder import BuildFailed, Image
from rosetta_hub.builds.settings import NAMESPACE, BuildSettings
from rosetta_hub.catalogue.registries import Registries, Registry
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.references import parse_reference

_NO_NAME = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 60


def image_name(repository: str, key: str) -> str:
    """The name of an image, without where it is: that of the repository, and a tag of its own."""
    slug = _NO_NAME.sub("-", repository.lower()).strip("-")[-_LONGEST_NAME:].strip("-")
    return f"{slug or 'repository'}:{key[:16]}"


@dataclass(frozen=True)
class PushAccount:
    """An account at the registry."""

    account: str
    password: str = field(repr=False)


class ImageStore:
    """The registry of the settings, with the account that pushes; or the builder's engine."""

    def __init__(
        self, settings: BuildSettings, registries: Registries, client: RegistryClient
    ) -> None:
        self._registry = settings.registry
        self._registries = registries
        self._client = client

    @property
    def is_registry(self) -> bool:
        """Whether images are pushed."""
        return bool(self._registry)

    @property
    def _host(self) -> str:
        return self._registry.partition("/")[0].lower()

    def reference(self, name: str) -> str:
        """The reference of an image of that name."""
        return f"{self._registry or f'localhost/{NAMESPACE}'}/{name}"

    def push_document(self) -> dict[str, Any] | None:
        """How the builder pushes: `auth` for the engines' files, `ca`, `plain_http`.

        It travels on the program's input. None: images stay where they are built.

        Raises:
            BuildFailed: a file of the configuration can't be read.
        """
        if not self._registry:
            return None
        entry = self._registries.find(self._host)
        login = self._login()
        text = f"{login.account}:{login.password}" if login else ""
        auth = {self._host: {"auth": base64.b64encode(text.encode()).decode()}} if login else {}
        return {
            "auth": auth,
            "ca": _read(entry) if entry and entry.ca_file else "",
            "plain_http": bool(entry and entry.plain_http),
        }

    async def registry_has(self, image: Image) -> bool:
        """Whether the registry has the image, and not another one of the name.

        Raises:
            RegistryRefused: it does not accept the account.
            RegistryUnavailable: it does not answer.
        """
        reference = parse_reference(image.reference)
        login = self._login()
        if not await self._client.exists(reference, login):
            return False
        return await self._client.digest(reference, login) == image.digest

    def _login(self) -> PushAccount | None:
        """The first account that the configuration has for the registry."""
        for entry in self._registries.entries:
            if entry.host == self._host and entry.user:
                try:
                    return PushAccount(entry.user, entry.read_password())
                except (OSError, UnicodeDecodeError) as error:
                    raise _unreadable(entry.password_file) from error
        return None


def _read(entry: Registry) -> str:
    try:
        return Path(entry.ca_file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(entry.ca_file) from error


def _unreadable(path: str) -> BuildFailed:
    return BuildFailed(
        f"The file {path} can't be read by the service. Tell the administrator.", transient=True
    )
