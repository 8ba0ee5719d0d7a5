"""`rosetta software`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rosetta_client.cli.output import Column, Form, form_options, show_item, show_items
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.errors import NotFound

if TYPE_CHECKING:
    from rosetta_client.models import CardVersion, OwnerOfCard

_CARDS = (
    Column("ID", lambda card: card.id),
    Column("NAME", lambda card: card.name),
    Column("VERSIONS", lambda card: ",".join(one.tag for one in card.versions)),
    Column("COMPUTING", lambda card: ",".join(card.computing)),
    Column("OWNER", lambda card: _owner(card.owner)),
)
_CARD = (
    Column("Id", lambda card: card.id),
    Column("Name", lambda card: card.name),
    Column("Description", lambda card: card.description),
    Column("Versions", lambda card: ", ".join(map(_version, card.versions))),
    Column("Computing", lambda card: ", ".join(card.computing)),
    Column("Interface", lambda card: card.interface.protocol or ""),
    Column("Owner", lambda card: _owner(card.owner)),
)


@click.group("software")
def software_command() -> None:
    """Show the software that you may start, and add your own."""


@software_command.command("ls")
@form_options
@pass_session
def ls_command(session: Session, form: Form) -> None:
    """List software."""
    show_items(session.client.list_software().software, _CARDS, form)


@software_command.command("show")
@click.argument("software")
@form_options
@pass_session
def show_command(session: Session, software: str, form: Form) -> None:
    """Show SOFTWARE, by its id, with its versions and where they run."""
    cards = [card for card in session.client.list_software().software if card.id == software]
    if not cards:
        raise NotFound(f"There is no software {software!r} for you; see 'rosetta software ls'.")
    show_item(cards[0], _CARD, form)


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
    given = {key: value for key, value in interface.items() if value is not None}
    added = add_software(session.client, image, name, group, given)
    columns = (
        Column("Software", lambda version: version.card),
        Column("Image", lambda _: image),
    )
    show_item(added, columns, form)


def _owner(owner: OwnerOfCard) -> str:
    return f"{owner.kind}:{owner.name}" if owner.name else owner.kind


def _version(version: CardVersion) -> str:
    return f"{version.tag} (can't be started)" if version.refused else version.tag
