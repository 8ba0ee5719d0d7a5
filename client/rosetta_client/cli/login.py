"""`rosetta login`, `logout` and `whoami`."""

from __future__ import annotations

import sys

import click

from rosetta_client.cli.output import Column, Form, form_options, show_item
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.client import Client
from rosetta_client.config import Endpoint, normalise_hub
from rosetta_client.errors import ConfigError


@click.command("login")
@click.argument("hub", required=False)
@click.option("--token", is_flag=True, help="Ask for a token of the hub, or read it from stdin.")
@pass_session
def login_command(session: Session, hub: str | None, token: bool) -> None:
    """Log in to a hub, and ask it from now on.

    HUB is its address, or that of one of its pages; without it the hub of the last login.
    """
    address = normalise_hub(hub) if hub else session.config.endpoint(session.hub).hub
    endpoint = Endpoint(address, _read_token())
    with Client(endpoint) as client:
        name = client.get_user().name
    session.config.save(endpoint)
    click.echo(f"Logged in to {endpoint.hub} as {name}.")


@click.command("logout")
@pass_session
def logout_command(session: Session) -> None:
    """Forget the token of a hub, and delete it there."""
    endpoint = session.config.endpoint(session.hub)
    session.config.forget(endpoint.hub)
    click.echo(f"Logged out of {endpoint.hub}.")


@click.command("whoami")
@form_options
@pass_session
def whoami_command(session: Session, form: Form) -> None:
    """Show who is logged in, at which hub."""
    show_item(
        session.client.get_user(),
        (
            Column("User", lambda user: user.name),
            Column("Groups", lambda user: ", ".join(user.groups)),
            Column("Hub", lambda _: session.endpoint.hub),
        ),
        form,
    )


def _read_token() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True)).strip()
    token = sys.stdin.readline().strip()
    if not token:
        raise ConfigError("No token came from stdin.")
    return token
