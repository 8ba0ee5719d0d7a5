"""`rosetta login`, `logout` and `whoami`."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from rosetta_client.cli.open import has_browser, open_page
from rosetta_client.cli.output import Column, Form, form_options, show_item
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.config import Endpoint, normalise_hub
from rosetta_client.errors import ConfigError, NotFound, NotLoggedIn, RosettaError

if TYPE_CHECKING:
    from rosetta_client.client import Client

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command("login")
@click.argument("hub", required=False)
@click.option("--token", is_flag=True, help="Ask for a token of the hub, or read it from stdin.")
@click.option("--no-browser", is_flag=True, help="Show a code to type in, in any browser.")
@click.option("--insecure-http", is_flag=True, help="Send the token to a hub without https.")
@pass_session
def login_command(
    session: Session, hub: str | None, token: bool, no_browser: bool, insecure_http: bool
) -> None:
    """Log in to a hub, and ask it from now on.

    HUB is its address, or that of one of its pages; without it the hub of the last login. Your
    browser asks what the token may do and for how long. Without a browser here, a code is shown.
    """
    from rosetta_client.client import Client

    address = normalise_hub(hub) if hub else session.config.endpoint(session.hub).hub
    _check_scheme(address, insecure_http)
    if token:
        secret = _read_token()
    else:
        with Client(Endpoint(address)) as client:
            secret = _ask_hub(client, no_browser)
    endpoint = Endpoint(address, secret)
    with Client(endpoint) as client:
        name = client.get_user().name
    session.config.save(endpoint)
    click.echo(f"Logged in to {endpoint.hub} as {name}.")


@click.command("logout")
@pass_session
def logout_command(session: Session) -> None:
    """Delete the token at the hub, and forget it here."""
    endpoint = session.endpoint
    # One that is not good any more needs no deleting, and one may be of another kind.
    with suppress(NotLoggedIn, NotFound):
        session.client.delete_own_token()
    session.config.forget(endpoint.hub)
    click.echo(f"Logged out of {endpoint.hub}.")


@click.command("whoami")
@form_options
@pass_session
def whoami_command(session: Session, form: Form) -> None:
    """Show who is logged in, and at which hub.

    The scopes say what the token may do.
    """
    columns = (
        Column("User", lambda user: user.name),
        Column("Groups", lambda user: ", ".join(user.groups)),
        Column("Hub", lambda _: session.endpoint.hub),
        Column("Scopes", lambda user: ", ".join(user.scopes)),
    )
    show_item(session.client.get_user(), columns, form)


def _ask_hub(client: Client, no_browser: bool) -> str:
    from rosetta_client.login import login_with_browser, login_with_code

    if no_browser or not has_browser():
        return login_with_code(client, _show_code).token
    return login_with_browser(client, _open_page).token


def _open_page(address: str) -> None:
    click.echo("Your browser opens this page; agree there:", err=True)
    open_page(address, err=True)


def _show_code(address: str, code: str) -> None:
    click.echo(f"Open {address} in a browser, and type in the code {code}", err=True)


def _check_scheme(address: str, insecure_http: bool) -> None:
    """Refuse to show a token to everybody on the network.

    Raises:
        RosettaError: the hub has no https.
    """
    parts = urlsplit(address)
    if parts.scheme == "https" or parts.hostname in _LOOPBACK or insecure_http:
        return
    raise RosettaError(
        f"{address} has no https: everybody on the way could read the token. If that is what you"
        " want, add --insecure-http."
    )


def _read_token() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True)).strip()
    token = sys.stdin.readline().strip()
    if not token:
        raise ConfigError("No token came from stdin.")
    return token
