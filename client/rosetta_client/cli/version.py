"""`rosetta version`."""

from __future__ import annotations

import click

from rosetta_client.cli.output import Column, Form, form_options, show_item
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.version import VERSION


@click.command("version")
@form_options
@pass_session
def version_command(session: Session, form: Form) -> None:
    """Show the versions of client and hub.

    The features are what this hub has, of what not every hub has.
    """
    service = session.client.get_service()
    document = {"client": VERSION, "hub": service.version, "features": service.features}
    columns = (
        Column("Client", lambda versions: versions["client"]),
        Column("Hub", lambda versions: versions["hub"]),
        Column("Features", lambda versions: ", ".join(versions["features"])),
    )
    show_item(document, columns, form)
