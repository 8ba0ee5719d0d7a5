"""The keys of `c.RosettaAuthenticator.local_accounts`."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from rosetta_hub.catalogue.validation import Entry
from rosetta_hub.mail_addresses import check_domains


class LocalSettings(Entry):
    """Who may make a local account.

    `sign_up`: `closed` (administrators make accounts), `invitation`, or `email` (whoever confirms
    an address; of `email_domains`, if there are any). With `approval` an administrator lets each of
    those in who were not invited. `reserved_names` are names that nobody may take, besides those
    that are reserved anyway.
    """

    sign_up: Literal["closed", "invitation", "email"] = "closed"
    approval: bool = False
    email_domains: Annotated[tuple[str, ...], AfterValidator(check_domains)] = ()
    reserved_names: frozenset[str] = frozenset()

    def accepts(self, address: str) -> bool:
        """Whether an address is of one of the domains that may sign up."""
        return not self.email_domains or address.rpartition("@")[2].lower() in self.email_domains
