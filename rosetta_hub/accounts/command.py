"""`rosetta-hub account`: local accounts without a page: the first, emergencies, imported ones."""

import argparse
import asyncio
import secrets
import sys
from typing import IO

from sqlalchemy.orm import Session

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.names import check_name
from rosetta_hub.accounts.native_import import import_accounts, read_accounts
from rosetta_hub.accounts.passwords import check_password
from rosetta_hub.accounts.reset_flow import ResetFlow
from rosetta_hub.accounts.settings import LocalSettings
from rosetta_hub.audit.log import SERVICE, AuditEvent
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.mail_addresses import check_address

HELP = "make or import local accounts, or let their owners set a new password"


def add_account_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the subcommand."""
    actions = parser.add_subparsers(dest="action", required=True)
    text = "make an account; prints a link that sets its password, or reads one from standard input"
    create = actions.add_parser("create", help=text, description=text)
    create.add_argument("name")
    create.add_argument(
        "--admin", action="store_true", help="an administrator from the first login"
    )
    create.add_argument("--address", help="the owner's mail address, taken as confirmed")
    create.add_argument(
        "--password-stdin", action="store_true", help="the password is a line of standard input"
    )
    text = "print a link that sets a password for a user of the hub, also a blocked one"
    reset = actions.add_parser("reset", help=text, description=text)
    reset.add_argument("name")
    text = "import the accounts that nativeauthenticator has in the hub's database"
    imports = actions.add_parser("import", help=text, description=text)
    imports.add_argument(
        "database", help="the address of the hub's database, as in c.JupyterHub.db_url"
    )
    imports.add_argument(
        "--confirmed-addresses",
        action="store_true",
        help="take the mail addresses as confirmed, which nativeauthenticator does not do",
    )


def account_text(settings: Rosetta, options: argparse.Namespace) -> str:
    """Do it; what is printed.

    Raises:
        UserError: the name, the address or the password can't be used, or the name is taken.
        ConfigError: the database, or the hub's, can't be opened.
    """
    database = Database(settings.db_url)
    try:
        local = LocalAccounts(
            database, settings.keys(), LocalSettings(), settings.hub_url, settings.mail_available
        )
        if options.action == "reset":
            return _reset(local, options.name)
        if options.action == "import":
            return _import(local, options)
        return _create(local, options, sys.stdin)
    finally:
        database.close()


def _create(local: LocalAccounts, options: argparse.Namespace, stdin: IO[str]) -> str:
    name = check_name(options.name)
    address = check_address(options.address) if options.address else None
    # Without a password nobody knows this one until the link is used.
    password = secrets.token_urlsafe()
    if options.password_stdin:
        password = stdin.readline().rstrip("\r\n")
        check_password(password, [name, address or ""])
    hashed = asyncio.run(local.passwords.hash(password))
    with local.database.session() as session:
        password_records.create(session, name, hashed, address, make_admin=options.admin)
        local.audit.record(
            AuditEvent.ACCOUNT_SIGN_UP,
            SERVICE,
            user=name,
            detail={"admin": options.admin},
            session=session,
        )
        if options.password_stdin:
            return f"The account {name} is ready.\n"
        return _link_text(local, session, name)


def _reset(local: LocalAccounts, name: str) -> str:
    with local.database.session() as session:
        account = password_records.find_password(session, name)
        user = account.user if account else name
        row = session.get(HubUser, user)
        if row is not None:
            # For the emergency in which everybody is locked out.
            row.state = UserState.ACTIVE
        return _link_text(local, session, user)


def _import(local: LocalAccounts, options: argparse.Namespace) -> str:
    accounts = read_accounts(options.database)
    imported = import_accounts(local, accounts, options.confirmed_addresses)
    lines = [f"Imported: {name}" for name in imported.names]
    lines += [f"Left out: {name}: {reason}" for name, reason in imported.left_out.items()]
    lines.append(f"{len(imported.names)} of {len(accounts)} accounts were imported.")
    return "".join(f"{line}\n" for line in lines)


def _link_text(local: LocalAccounts, session: Session, user: str) -> str:
    link = ResetFlow(local).hand_over(session, user)
    return f"Open this link within 24 hours to set the password of {user}:\n\n    {link}\n"
