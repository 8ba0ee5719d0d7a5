"""Entries that are meant for some users: who they are, and what the others are told."""

from collections.abc import Set
from typing import Annotated, Literal

from pydantic import Field

from rosetta_hub.catalogue.validation import Entry, pattern

_REQUEST = pattern(
    r"^$|^https://[^\s/]\S*$|^mailto:[^\s@]+@[^\s@]+$",
    "write an https address, or mailto: and a mail address",
)


class EntryForUsers(Entry):
    """No users and no groups: everybody."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def applies_to(self, user: str, groups: Set[str]) -> bool:
        """Whether the entry is meant for a user who is in these groups."""
        if not (self.users or self.groups):
            return True
        return user in self.users or bool(self.groups & groups)


class RestrictedEntry(EntryForUsers):
    """Empty `users` and `groups` mean everybody.

    Others don't see the entry, or with `when_not_allowed = "show"` see it with the reason why they
    may not use it, and a link to `access_request`, a page or mail address where they may ask.
    """

    when_not_allowed: Literal["hide", "show"] = "hide"
    access_request: Annotated[str, Field(pattern=_REQUEST)] = ""

    @property
    def is_shown_to_all(self) -> bool:
        """Whether those who may not use it see it."""
        return self.when_not_allowed == "show"

    @property
    def audience(self) -> str:
        """For whom the entry is, as a message to users."""
        groups = sorted(self.groups)
        if not groups:
            return "For some users only."
        names = " or ".join(filter(None, (", ".join(groups[:-1]), groups[-1])))
        return f"For members of the group{'s' if len(groups) > 1 else ''} {names}."
