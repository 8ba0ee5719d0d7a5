"""The keys of `c.RosettaAuthenticator.local_accounts`."""

from typing import Literal

from pydantic import field_validator

from rosetta_hub.catalogue.validation import Entry
from rosetta_hub.mail.addresses import is_address


class LocalSettings(Entry):
    """Who may make a local account.

    `sign_up`: `closed` (administrators make accounts), `invitation`, or `email` (whoever confirms
    an address; of `email_domains`, if there are any). With `approval` an administrator lets each of
    those in who were not invited. `reserved_names` are names that nobody may take, besides those
    that are reserved anyway.
    """

    sign_up: Literal["closed", "invitation", "email"] = "closed"
    approval: bool = False
    email_domains: tuple[str, ...] = ()
    reserved_names: frozenset[str] = frozenset()

    @field_validator("email_domains")
    @classmethod
    def _check_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for domain in value:
            if not is_address(f"user@{domain}"):
                raise ValueError(f"{domain!r} is not a domain such as 'example.org'")
        return tuple(domain.lower() for domain in value)

    def accepts(self, address: str) -> bool:
        """Whether an address is of one of the domains that may sign up."""
        return not self.email_domains or address.rpartition("@")[2].lower() in self.email_domains
