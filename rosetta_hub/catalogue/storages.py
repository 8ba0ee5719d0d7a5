"""Storages: directories that tasks get bound and users see (the paper's model, section 3.3)."""

import itertools
import re
import unicodedata
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from rosetta_hub.catalogue.bind_paths import check_path, check_target
from rosetta_hub.catalogue.computing import AUTH_MODES, parse_conf
from rosetta_hub.catalogue.computing_conf import Conf, LocalConf, SshConf
from rosetta_hub.catalogue.conf_kubernetes import OBJECT_NAME
from rosetta_hub.catalogue.conf_stores import STORE_CONF, S3Conf, StoreConf, WebDavConf
from rosetta_hub.catalogue.restricted import RestrictedEntry
from rosetta_hub.catalogue.validation import OPTIONAL_ID_PATTERN
from rosetta_hub.errors import StorageRefused

_VARIABLE = re.compile(r"\$\{?(\w*)\}?")
_VARIABLES = ("$USER", "$SSH_USER")
# The names of a persistent volume claim.
_CLAIM = re.compile(OBJECT_NAME)
_CONF: dict[str, type[Conf]] = {"local": LocalConf, "ssh": SshConf}
# The highest number stands for "unchanged" (chown(2)).
_NO_UID = (1 << 32) - 1
_ACCESS_KEYS = ("access_mode", "auth_mode", "conf")
# Keys of directories, which a store that is no file system is not.
_POSIX_KEYS = (
    *("computing", "access_through_computing", "access_mode", "auth_mode"),
    *("bind_path", "home", "owner", "claim"),
)


def _check_base_path(text: str) -> str:
    for match in _VARIABLE.finditer(text):
        if match[0] not in _VARIABLES:
            raise ValueError(f"{match[0]!r} is not known here: use {' or '.join(_VARIABLES)}")
    return check_path(text)


def _check_bind_path(text: str) -> str:
    return check_target(text) if text else ""


def _check_claim(text: str) -> str:
    if text and not _CLAIM.match(_VARIABLE.sub(_example_user, text)):
        raise ValueError("write the name of a persistent volume claim; '$USER' may be part of it")
    return text


def _example_user(variable: re.Match[str]) -> str:
    return "user" if variable[0] == "$USER" else variable[0]


class Storage(RestrictedEntry):
    """A directory on one or more computing resources, or one that is reached by itself.

    Every task on the resources `computing` of a user who may use it gets the directory at
    `bind_path`; with an empty one it is in the file manager only. Files are reached through the
    first computing resource, or with `access_mode`, `auth_mode` and `conf` of its own where
    `access_through_computing` is False. Empty `users` and `groups` mean everybody; the rights of
    an administrator of the hub do not count here.
    """

    id: str = Field(default="", pattern=OPTIONAL_ID_PATTERN)
    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    type: Literal["posix", "s3", "webdav"] = "posix"
    computing: tuple[str, ...] = ()
    access_through_computing: bool = False
    access_mode: Literal["local", "ssh"] | None = None
    auth_mode: Literal["internal", "user_keys", "platform_keys"] | None = None
    conf: LocalConf | SshConf | WebDavConf | S3Conf | None = None
    base_path: Annotated[str, AfterValidator(_check_base_path)]
    claim: Annotated[str, AfterValidator(_check_claim)] = ""
    bind_path: Annotated[str, AfterValidator(_check_bind_path)] = ""
    home: bool = False
    read_only: bool = False
    create: bool = False
    owner: Literal["service", "system"] | int = "service"

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        """Choose the access where the entry does not name it."""
        if not isinstance(value, Mapping):
            return value
        if value.get("type") in STORE_CONF:
            return {**value, "conf": _store_conf(value)}
        if value.get("claim"):
            value = {"base_path": "/", **value}
        through = value.get("access_through_computing", bool(value.get("computing")))
        if through:
            if named := [key for key in _ACCESS_KEYS if key in value]:
                raise ValueError(
                    f"key {named[0]!r} is not used, because files are reached through the computing"
                    " resource: remove it, or set 'access_through_computing' to False"
                )
            return {**value, "access_through_computing": through}
        return {**value, "access_through_computing": through, **_own_access(value)}

    @field_validator("computing", mode="before")
    @classmethod
    def _list_computing(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) and value else value or ()

    @field_validator("owner", mode="before")
    @classmethod
    def _check_owner(cls, value: Any) -> Any:
        is_uid = type(value) is int and 1 <= value < _NO_UID
        if value not in ("service", "system") and not is_uid:
            raise ValueError("use 'service', 'system', or the uid of an account other than root")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.access_through_computing and not self.computing:
            raise ValueError("'access_through_computing' needs the key 'computing'")
        if self.bind_path and not self.computing:
            raise ValueError("a 'bind_path' is for tasks: name their resources in 'computing'")
        if self.home and not self.bind_path:
            raise ValueError("a home needs a 'bind_path', such as '/home/metauser'")
        if self.create and self.read_only:
            raise ValueError("'create' makes an empty directory, which 'read_only' would keep so")
        if self.claim and not self.computing:
            raise ValueError("a 'claim' is of a namespace: name its resources in 'computing'")
        if self.base_path == "/" and not self.claim and (self.bind_path or self.create):
            raise ValueError("'base_path' is all of the machine: name a directory below /")
        if isinstance(self.conf, StoreConf):
            self._check_store()
        if self.auth_mode == "platform_keys" and isinstance(self.conf, SshConf):
            for key in ("user", "key_file"):
                if not getattr(self.conf, key):
                    raise ValueError(f"auth_mode 'platform_keys' needs the key 'conf.{key}'")
        return self

    def _check_store(self) -> None:
        """Raise ValueError where users of a store would have one root by accident."""
        if "$SSH_USER" in self.base_path:
            raise ValueError("'$SSH_USER' in 'base_path' is for SSH: use '$USER'")
        if "$USER" not in self.base_path and not (self.read_only or self.users or self.groups):
            raise ValueError(
                "everybody would have the same files, and could change them: put '$USER' into"
                " 'base_path', set 'read_only', or name 'users' or 'groups'"
            )

    def path(self, user: str, account: str | None = None) -> str:
        """The directory of a user of the hub, whose account there is `account` where one is known.

        Raises:
            StorageRefused: a name can't be part of a path, or the account is needed and not known.
        """
        return expand_path(self.base_path, self.name, user, account)

    def claim_of(self, user: str) -> str:
        """The claim that holds the files of a user of the hub; empty where no claim does.

        Raises:
            StorageRefused: the name can't be part of a claim's.
        """
        return expand_claim(self.claim, self.name, user)

    def may_hold(self, directory: PurePath) -> bool:
        """Whether a directory, or one of those in it that a user could name, may be in this one."""
        names, reached = self.base_path.strip("/").split("/"), directory.parts[1:]
        pairs = itertools.zip_longest(names, reached[: len(names)])
        return self.base_path == "/" or (
            len(names) <= len(reached) + 1
            and all("$" in name or name == actual for name, actual in pairs)
        )


def expand_path(pattern: str, storage: str, user: str, account: str | None) -> str:
    """The path that a `base_path` stands for; `storage` is the name in messages.

    Raises:
        StorageRefused: see `Storage.path`.
    """
    names = {"$USER": user, "$SSH_USER": account}

    def expand(match: re.Match[str]) -> str:
        name = names[match[0]]
        if name is None:
            raise StorageRefused(
                f"{storage}: your account there is not known. Set it up under 'Account'."
            )
        if name in ("", ".", "..") or any(_is_separator(character) for character in name):
            raise StorageRefused(
                f"{storage}: the name {name!r} can't be part of its path ({match[0]} in"
                f" {pattern}). Ask the administrator for another place, or another name."
            )
        return name

    return _VARIABLE.sub(expand, pattern)


def expand_claim(pattern: str, storage: str, user: str) -> str:
    """The name of the claim that a `claim` stands for; `storage` is the name in messages.

    Raises:
        StorageRefused: see `Storage.claim_of`.
    """
    claim = _VARIABLE.sub(lambda _variable: user, pattern)
    if claim and not _CLAIM.match(claim):
        raise StorageRefused(
            f"{storage}: the name {user!r} can't be part of the name of a claim ({pattern}), which"
            " has lowercase letters, digits, dashes and dots only. Ask the administrator for"
            " another place, or another name."
        )
    return claim


def _own_access(value: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of an access of its own, with their defaults.

    Raises:
        ValueError: a mode that does not exist, or settings that are not of it.
    """
    access = value.get("access_mode", "local")
    if access not in _CONF:
        raise ValueError(f"access_mode must be one of {', '.join(_CONF)}, not {access!r}")
    auth = value.get("auth_mode", AUTH_MODES[access][0])
    if auth not in AUTH_MODES[access]:
        allowed = ", ".join(AUTH_MODES[access])
        raise ValueError(f"auth_mode must be one of {allowed} here, not {auth!r}")
    conf = value.get("conf", {})
    parsed = conf if isinstance(conf, _CONF[access]) else parse_conf(_CONF[access], conf)
    return {"access_mode": access, "auth_mode": auth, "conf": parsed}


def _store_conf(value: Mapping[str, Any]) -> StoreConf:
    """The settings of a store that is no file system.

    Raises:
        ValueError: they are wrong, or there are keys of directories.
    """
    kind = value["type"]
    if named := [key for key in _POSIX_KEYS if key in value]:
        raise ValueError(
            f"key {named[0]!r} is not for the type {kind!r}, which is in the file manager only and"
            " can't be bound into tasks: remove it"
        )
    library = STORE_CONF[kind].library
    if find_spec(library) is None:
        raise ValueError(f"the type {kind!r} needs {library}: install 'rosetta-hub[{kind}]'")
    conf = value.get("conf", {})
    return conf if isinstance(conf, StoreConf) else parse_conf(STORE_CONF[kind], conf)


def _is_separator(character: str) -> bool:
    return character in "/:," or unicodedata.category(character) in ("Cc", "Cs")
