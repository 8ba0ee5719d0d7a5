"""Local accounts on a database, without a hub."""

import re
from dataclasses import dataclass
from pathlib import Path

import argon2
from sqlalchemy import select

from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.passwords import Passwords
from rosetta_hub.accounts.reset_flow import ResetFlow
from rosetta_hub.accounts.settings import LocalSettings
from rosetta_hub.accounts.sign_up_flow import SignUpFlow
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_mail import AccountMail
from rosetta_hub.keys import Keys

HUB = "https://hub.example.org/base"
STRONG = "violet tractor opens seven lakes"
OTHER = "green piano under nine clouds"
# The costs of a password in tests that do not look at them.
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

_TOKEN = re.compile(r"token=([\w-]{43})")


@dataclass
class Bench:
    """The flows, and the mails that they queue."""

    database: Database
    keys: Keys
    local: LocalAccounts
    sign_up: SignUpFlow
    reset: ResetFlow

    def mails(self) -> list[tuple[str, str]]:
        """Template and address of each mail, oldest first."""
        return [(row.template, str(row.address)) for row in self._rows()]

    def context(self, index: int = -1) -> str:
        """What a mail was filled with, as JSON; the newest by default."""
        row = self._rows()[index]
        return self.keys.database.decrypt(row.context or b"").decode()

    def token(self, index: int = -1) -> str:
        """The token of a mail's link."""
        match = _TOKEN.search(self.context(index))
        assert match is not None
        return match[1]

    def _rows(self) -> list[AccountMail]:
        with self.database.session() as session:
            return list(session.scalars(select(AccountMail).order_by(AccountMail.created)))


def make_bench(
    database: Database, directory: Path, mail_available: bool = True, **settings: object
) -> Bench:
    """Flows with these keys of `local_accounts`."""
    keys = Keys(directory)
    local = LocalAccounts(
        database,
        keys,
        LocalSettings.model_validate({"sign_up": "email", **settings}),
        HUB,
        mail_available,
        Passwords(CHEAP),
    )
    return Bench(database, keys, local, SignUpFlow(local), ResetFlow(local))
