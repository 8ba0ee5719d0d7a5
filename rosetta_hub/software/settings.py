"""What of `c.Rosetta` is about software of users."""

from collections.abc import Set

from pydantic import Field, field_validator

from rosetta_hub.catalogue.registries import registry_host
from rosetta_hub.catalogue.validation import Entry


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

    def allows(self, name: str) -> bool:
        """Whether an image may be used; `name` is its registry and repository."""
        if not self.registries:
            return True
        return any(name == one or name.startswith(f"{one}/") for one in self.registries)
