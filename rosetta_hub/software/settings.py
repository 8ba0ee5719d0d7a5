"""What of `c.Rosetta` is about software of users."""

from collections.abc import Iterable, Set
from typing import Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from rosetta_hub.catalogue.registries import registry_host
from rosetta_hub.catalogue.units import Duration
from rosetta_hub.catalogue.validation import Entry, pattern

_CALLABLE = pattern(
    r"^$|^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$",
    "name the callable as text, module:function, because the service imports it itself",
)


class UserSoftwareRules(Entry):
    """Who may add software, and which.

    Empty `groups`: everybody may add software. Members of `power_groups` may add interfaces with
    protocols other than HTTP. Images come from `registries`: an entry such as `ghcr.io/team` covers
    what is below it, and empty means any. `most` is the number of versions that a user, or a group,
    may have.
    """

    enabled: bool = True
    groups: frozenset[str] = frozenset()
    power_groups: frozenset[str] = frozenset()
    registries: tuple[str, ...] = ()
    most: int = Field(default=100, ge=1, le=10_000)
    _site_hosts: frozenset[str] = PrivateAttr(frozenset())

    def with_site_hosts(self, hosts: Iterable[str]) -> Self:
        """The same, which knows the site's own registries: those may be anywhere."""
        changed = self.model_copy()
        changed._site_hosts = frozenset(hosts)
        return changed

    @field_validator("registries")
    @classmethod
    def _check_registries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        checked = []
        for text in value:
            host, slash, path = text.strip("/").partition("/")
            checked.append(f"{registry_host(host)}{slash}{path}")
        return tuple(checked)

    def may_add(self, groups: Set[str]) -> bool:
        """Whether somebody who is in these groups may add software."""
        return self.enabled and (not self.groups or bool(self.groups & groups))

    def is_power_user(self, groups: Set[str]) -> bool:
        """Whether somebody who is in these groups may add interfaces with any protocol."""
        return bool(self.power_groups & groups)

    def names(self, host: str) -> bool:
        """Whether the configuration names the registry, here or in `c.Rosetta.registries`."""
        return host in self._site_hosts or any(
            host == registry.partition("/")[0] for registry in self.registries
        )

    def allows(self, name: str) -> bool:
        """Whether an image may be used; `name` is its registry and repository."""
        if not self.registries:
            return True
        return any(
            name == registry or name.startswith(f"{registry}/") for registry in self.registries
        )


class ImagePolicySettings(Entry):
    """Who is asked whether an image may run: a command, or a Python callable.

    The command gets a JSON object with `image` (by digest), `digest`, `user` and `software` (its
    name) on standard input. It exits with 0 where the image may run and with 1 where it may not;
    the first line of its output tells users why. The callable, `module:function`, gets the same as
    a dict and returns None, or that line. Everything else, such as another exit status, an
    exception or more than `timeout` seconds, means that the image could not be checked, and `fail`
    says what then. Answers about an image count for `keep` seconds. With `platform` the images of
    the configuration are asked about as well.
    """

    command: tuple[str, ...] = ()
    callable: str = Field(default="", pattern=_CALLABLE)
    timeout: Duration = Field(default=300, ge=1, le=86_400)
    keep: Duration = Field(default=86_400, ge=1)
    fail: Literal["open", "closed"] = "closed"
    platform: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.command) == bool(self.callable):
            raise ValueError("give one of 'command' and 'callable'")
        return self
