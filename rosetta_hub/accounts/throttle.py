"""Counting attempts, in the database: a restart forgets none, and two processes count together."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rosetta_hub.accounts.errors import TooManyAttempts
from rosetta_hub.database.database import NO_OBJECTS, Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_local import Attempts
from rosetta_hub.keys import digest


@dataclass(frozen=True)
class Rule:
    """So many attempts in so much time, counted from the first one; None: only counted."""

    name: str
    most: int | None
    window: timedelta


class Throttle:
    """Counts attempts by rule and by whatever the rule is about, such as an address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, rule: Rule, *about: str) -> int:
        """Count an attempt before it is made, so that many at once are all counted.

        Returns how many there were in this span of time.

        Raises:
            TooManyAttempts: there were `most` before.
            DatabaseUnavailable: see `Database.session`.
        """
        key = _key(rule, about)
        try:
            row = self._count(key, rule.window)
        except IntegrityError:
            # Another process has begun the same span of time.
            row = self._count(key, rule.window)
        if rule.most is not None and row.count > rule.most:
            seconds = (row.until - utc_now()).total_seconds()
            raise TooManyAttempts(max(1, int(seconds)))
        return row.count

    def give_back(self, rule: Rule, *about: str) -> None:
        """Take an attempt back that was none of those to be counted: it succeeded."""
        used = (Attempts.key == _key(rule, about), Attempts.count > 0)
        with self._database.session() as session:
            session.execute(
                update(Attempts).where(*used).values(count=Attempts.count - 1),
                execution_options=NO_OBJECTS,
            )

    def forget(self, rule: Rule, *about: str) -> None:
        """Begin to count anew."""
        with self._database.session() as session:
            session.execute(
                delete(Attempts).where(Attempts.key == _key(rule, about)),
                execution_options=NO_OBJECTS,
            )

    def _count(self, key: str, window: timedelta) -> Attempts:
        with self._database.session() as session:
            if not _increment(session, key):
                # Rows that are over, this key's included.
                session.execute(
                    delete(Attempts).where(Attempts.until <= utc_now()),
                    execution_options=NO_OBJECTS,
                )
                session.add(Attempts(key=key, count=1, until=utc_now() + window))
                session.flush()
            row = session.get(Attempts, key)
            if row is None:
                raise TooManyAttempts(1)
        return row


def address_prefix(address: str) -> str:
    """What one user has of addresses: an IPv4 address, or a /64 network of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _increment(session: Session, key: str) -> bool:
    # The write goes first: a transaction of SQLite that has read before may not write any more.
    running = (Attempts.key == key, Attempts.until > utc_now())
    changed = session.execute(
        update(Attempts).where(*running).values(count=Attempts.count + 1),
        execution_options=NO_OBJECTS,
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _key(rule: Rule, about: tuple[str, ...]) -> str:
    return digest("\0".join((rule.name, *about)))
