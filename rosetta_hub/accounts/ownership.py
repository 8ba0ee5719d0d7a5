"""Rows of accounts belong to one user of the hub, and not to the next one of the same name."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rosetta_hub.database.models import Base
from rosetta_hub.database.models_logins import UserRow
from rosetta_hub.database.models_user import HubUser
from rosetta_hub.mail import account_mails

# Some databases keep whole seconds.
_PRECISION = timedelta(seconds=1)


def account_tables() -> list[Any]:
    """The models of all tables whose rows belong to accounts, also those of other modules."""
    models = [mapper.class_ for mapper in Base.registry.mappers]
    return [model for model in models if issubclass(model, UserRow)]


def users_with_rows(session: Session) -> set[str]:
    """The names of all users who have a row of any account."""
    return {name for model in account_tables() for name in session.scalars(select(model.user))}


def adopt_rows(session: Session, user: str, created: datetime) -> None:
    """Note when the hub created the user; rows of a former user of that name are deleted."""
    for model in account_tables():
        session.execute(
            delete(model).where(model.user == user, model.user_created < created - _PRECISION)
        )
        session.execute(
            update(model)
            .where(model.user == user, model.user_created.is_(None))
            .values(user_created=created)
        )


def delete_rows(session: Session, user: str) -> None:
    """Delete all rows of a user: the hub has deleted the user."""
    for model in account_tables():
        session.execute(delete(model).where(model.user == user))


def delete_former_rows(session: Session, user: str) -> None:
    """Delete what belongs to the user that the service knows: the hub has another, or none.

    What the hub's authenticator has meanwhile written for the next user of that name stays, but
    for mails, which are sent within seconds.
    """
    account_mails.delete_user(session, user)
    hub_user = session.get(HubUser, user)
    if hub_user is None or hub_user.created is None:
        return
    for model in account_tables():
        session.execute(
            delete(model).where(
                model.user == user, model.user_created <= hub_user.created + _PRECISION
            )
        )


def is_reserved(session: Session, user: str) -> bool:
    """Whether an account is about to become the hub's user of that name."""
    return any(
        session.scalar(
            select(model.user).where(model.user == user, model.user_created.is_(None)).limit(1)
        )
        is not None
        for model in account_tables()
    )


def created_of(session: Session, user: str) -> datetime | None:
    """When the hub created the user, as far as the service knows."""
    hub_user = session.get(HubUser, user)
    return hub_user.created if hub_user else None


def is_same_time(first: datetime | None, second: datetime | None) -> bool:
    """Whether two times are the same, with the precision that all databases have."""
    return first is not None and second is not None and abs(first - second) <= _PRECISION
