"""`rosetta software`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rosetta_client.cli.output import Column, Form, form_options, show_item, show_items
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.errors import NotFound

if TYPE_CHECKING:
    from rosetta_client.models import FamilyOwner, FamilyVersion

_FAMILIES = (
    Column("ID", lambda family: family.id),
    Column("NAME", lambda family: family.name),
    Column("VERSIONS", lambda family: ",".join(version.tag for version in family.versions)),
    Column("COMPUTING", lambda family: ",".join(family.computing)),
    Column("OWNER", lambda family: _owner(family.owner)),
)
_FAMILY = (
    Column("Id", lambda family: family.id),
    Column("Name", lambda family: family.name),
    Column("Description", lambda family: family.description),
    Column("Versions", lambda family: ", ".join(map(_version, family.versions))),
    Column("Computing", lambda family: ", ".join(family.computing)),
    Column("Interface", lambda family: family.interface.protocol or ""),
    Column("Owner", lambda family: _owner(family.owner)),
)


@click.group("software")
def software_command() -> None:
    """Show the software that you may start, and add your own."""


@software_command.command("ls")
@form_options
@pass_session
def ls_command(session: Session, form: Form) -> None:
    """List software."""
    show_items(session.client.list_software().software, _FAMILIES, form)


@software_command.command("show")
@click.argument("software")
@form_options
@pass_session
def show_command(session: Session, software: str, form: Form) -> None:
    """Show SOFTWARE, by its id, with its versions and where they run."""
    families = [
        family for family in session.client.list_software().software if family.id == software
    ]
    if not families:
        raise NotFound(f"There is no software {software!r} for you; see 'rosetta software ls'.")
    show_item(families[0], _FAMILY, form)


@software_command.command("add")
@click.argument("image")
@click.option("--name", help="Its name; by default that of the image.")
@click.option("--protocol", help="What its interface speaks, such as http or ssh.")
@click.option("--port", type=int, help="The port of its interface; by default that of the image.")
@click.option("--path", help="The path of its interface, such as /lab.")
@click.option("--group", help="Share it with the members of this group, who may change it, too.")
@form_options
@pass_session
def add_command(
    session: Session,
    image: str,
    name: str | None,
    protocol: str | None,
    port: int | None,
    path: str | None,
    group: str | None,
    form: Form,
) -> None:
    """Add software of yours: IMAGE is a reference such as ghcr.io/org/app:1.2."""
    from rosetta_client.software import add_software

    interface = {
        **{"interface_protocol": protocol, "interface_port": port},
        **{"interface_path": path},
    }
    keys = {key: value for key, value in interface.items() if value is not None}
    added = add_software(session.client, image, name, group, keys)
    columns = (
        Column("Software", lambda version: version.family),
        Column("Image", lambda _: image),
    )
    show_item(added, columns, form)


def _owner(owner: FamilyOwner) -> str:
    return f"{owner.kind}:{owner.name}" if owner.name else owner.kind


def _version(version: FamilyVersion) -> str:
    return f"{version.tag} (can't be started)" if version.refused else version.tag
