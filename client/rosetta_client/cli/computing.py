"""`rosetta computing`."""

from __future__ import annotations

import click

from rosetta_client.cli.amounts import duration, size
from rosetta_client.cli.output import Column, Form, form_options, show_item, show_items
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.errors import NotFound
from rosetta_client.models import OwnComputing

_RESOURCES = (
    Column("ID", lambda one: one.id),
    Column("NAME", lambda one: one.name),
    Column("SCHEDULER", lambda one: one.wms),
    Column("ENGINES", lambda one: ",".join(each.engine for each in one.engines)),
    Column("SIZES", lambda one: ",".join(each.name for each in one.sizes)),
    Column("STATE", lambda one: "drained" if one.drained else "ready"),
)
_RESOURCE = (
    Column("Id", lambda one: one.id),
    Column("Name", lambda one: one.name),
    Column("Description", lambda one: one.description),
    Column("Scheduler", lambda one: one.wms),
    Column("Engines", lambda one: ", ".join(each.engine for each in one.engines)),
    Column("Sizes", lambda one: ", ".join(each.name for each in one.sizes)),
    Column("Cores", lambda one: _limit(one.defaults.cpus, one.limits.cpus)),
    Column("Memory", lambda one: _memory(one)),
    Column("Your account", lambda one: _account(one)),
    Column("State", lambda one: one.drained or "ready"),
)
_PARTITIONS = (
    Column("NAME", lambda one: one.name + "*" * bool(one.default)),
    Column("STATE", lambda one: one.state),
    Column("LONGEST", lambda one: duration(one.max_time) if one.max_time else ""),
    Column("CORES IDLE", lambda one: _idle(one.cpus_idle, one.cpus_total)),
    Column("NODES IDLE", lambda one: _idle(one.nodes_idle, one.nodes_total)),
)


@click.group("computing")
def computing_command() -> None:
    """Show the computing resources that you may use."""


@computing_command.command("ls")
@form_options
@pass_session
def ls_command(session: Session, form: Form) -> None:
    """List computing resources."""
    show_items(session.client.list_computing().computing, _RESOURCES, form)


@computing_command.command("show")
@click.argument("resource")
@click.option("--partitions", is_flag=True, help="Show the partitions of a cluster instead.")
@form_options
@pass_session
def show_command(session: Session, resource: str, partitions: bool, form: Form) -> None:
    """Show a computing resource, or what a cluster has and what of it is idle."""
    if partitions:
        show_items(session.client.get_inventory(resource).partitions, _PARTITIONS, form)
        return
    known = {one.id: one for one in session.client.list_computing().computing}
    if resource not in known:
        raise NotFound(
            f"There is no computing resource {resource!r} for you; there are: {', '.join(known)}."
        )
    show_item(known[resource], _RESOURCE, form)


def _limit(default: float | None, most: float | None) -> str:
    return f"{default or 'any'} (at most {most or 'any'})"


def _account(one: OwnComputing) -> str:
    if one.identity is None or not one.identity.needed:
        return "not needed"
    return "ready" if one.identity.ready else f"set it up at {one.identity.url}"


def _idle(idle: int | None, total: int | None) -> str:
    return "" if idle is None or total is None else f"{idle}/{total}"


def _memory(one: OwnComputing) -> str:
    default, most = one.defaults.memory, one.limits.memory
    return f"{size(default) if default else 'any'} (at most {size(most) if most else 'any'})"
