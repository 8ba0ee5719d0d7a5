"""What the handlers of requests work with, put together."""

from functools import partial

from rosetta_hub.accounts.throttle import Throttle
from rosetta_hub.database.models import Task
from rosetta_hub.errors import Conflict
from rosetta_hub.files.archives import ArchiveTickets
from rosetta_hub.files.preview.previews import Previews
from rosetta_hub.resources.resource_builder import Resources
from rosetta_hub.service.composition import Parts
from rosetta_hub.service.users import (
    build_account_administration,
)
from rosetta_hub.software.logos import Logos
from rosetta_hub.tasks.view import Viewer
from rosetta_hub.web.active_uploads import ActiveUploads
from rosetta_hub.web.open_connections import OpenConnections
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.rate_limit import build_rate_limit
from rosetta_hub.web.services import Services
from rosetta_hub.web.starters import Starters


def build_services(parts: Parts) -> Services:
    """What the handlers of requests work with."""
    return Services(
        settings=parts.settings,
        keys=parts.keys,
        tasks=parts.tasks,
        viewer=Viewer(parts.settings, parts.logs, parts.conditions, parts.lifetimes),
        edge=parts.edge,
        hub=parts.hub,
        hub_auth=parts.hub_auth,
        templates=PageTemplates(parts.settings.template_paths, parts.settings.template_vars),
        inventory=parts.inventory,
        identities=parts.identities,
        users=parts.users,
        health=parts.health,
        identity_tester=parts.link.test,
        identity_changed=parts.identity_changed,
        files=parts.files,
        copies=parts.copies,
        builds=parts.builds.builds,
        uploads=ActiveUploads(),
        archives=ArchiveTickets(),
        previews=Previews(),
        lookup=parts.lookup,
        library=parts.library,
        logos=Logos(parts.database, parts.library.rules),
        registries=parts.registries,
        credentials=parts.credentials,
        hub_registry=parts.hub_registry,
        image_policy=parts.image_policy,
        metrics=partial(parts.metrics.render, parts.metric_sources),
        audit=parts.audit,
        principals=parts.sharing.principals,
        sharing=parts.sharing.sharing,
        lifetimes=parts.lifetimes,
        extend_job=partial(_extend_job, parts.resources),
        session_ender=parts.session_ender,
        account_administration=build_account_administration(
            parts.settings, parts.database, parts.hub, parts.session_ender
        ),
        streams=parts.streams,
        administration=parts.administration,
        starters=Starters(),
        conditions=parts.conditions,
        account=parts.account,
        connections=OpenConnections(),
        client_logins=parts.client_logins,
        throttle=Throttle(parts.database),
        rate_limit=build_rate_limit(parts.settings.api_requests_per_minute),
    )


async def _extend_job(resources: Resources, task: Task, seconds: int) -> None:
    queue = resources.queues.get(task.computing)
    if queue is None:
        raise Conflict("The computing resource of this task is not configured any more.")
    await queue.extend(task, seconds)
