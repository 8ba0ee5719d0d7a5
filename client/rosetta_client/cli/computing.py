"""`rosetta computing`."""

from __future__ import annotations

import click

from rosetta_client.cli.amounts import duration, size
from rosetta_client.cli.output import Column, Form, form_options, show_item, show_items
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.errors import NotFound
from rosetta_client.models import OwnComputing

_RESOURCES = (
    Column("ID", lambda resource: resource.id),
    Column("NAME", lambda resource: resource.name),
    Column("SCHEDULER", lambda resource: resource.wms),
    Column("ENGINES", lambda resource: ",".join(engine.engine for engine in resource.engines)),
    Column("SIZES", lambda resource: ",".join(size.name for size in resource.sizes)),
    Column("STATE", lambda resource: "drained" if resource.drained else "ready"),
)
_RESOURCE = (
    Column("Id", lambda resource: resource.id),
    Column("Name", lambda resource: resource.name),
    Column("Description", lambda resource: resource.description),
    Column("Scheduler", lambda resource: resource.wms),
    Column("Engines", lambda resource: ", ".join(engine.engine for engine in resource.engines)),
    Column("Sizes", lambda resource: ", ".join(size.name for size in resource.sizes)),
    Column("Cores", lambda resource: _limit(resource.defaults.cpus, resource.limits.cpus)),
    Column("Memory", lambda resource: _memory(resource)),
    Column("Your account", lambda resource: _account(resource)),
    Column("State", lambda resource: resource.drained or "ready"),
)
_PARTITIONS = (
    Column("NAME", lambda partition: partition.name + "*" * bool(partition.default)),
    Column("STATE", lambda partition: partition.state),
    Column("LONGEST", lambda partition: duration(partition.max_time) if partition.max_time else ""),
    Column("CORES IDLE", lambda partition: _idle(partition.cpus_idle, partition.cpus_total)),
    Column("NODES IDLE", lambda partition: _idle(partition.nodes_idle, partition.nodes_total)),
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
    by_id = {
        resource_view.id: resource_view
        for resource_view in session.client.list_computing().computing
    }
    if resource not in by_id:
        raise NotFound(
            f"There is no computing resource {resource!r} for you; there are: {', '.join(by_id)}."
        )
    show_item(by_id[resource], _RESOURCE, form)


def _limit(default: float | None, most: float | None) -> str:
    return f"{default or 'any'} (at most {most or 'any'})"


def _account(resource: OwnComputing) -> str:
    if resource.identity is None or not resource.identity.needed:
        return "not needed"
    return "ready" if resource.identity.ready else f"set it up at {resource.identity.url}"


def _idle(idle: int | None, total: int | None) -> str:
    return "" if idle is None or total is None else f"{idle}/{total}"


def _memory(resource: OwnComputing) -> str:
    default, most = resource.defaults.memory, resource.limits.memory
    return f"{size(default) if default else 'any'} (at most {size(most) if most else 'any'})"
