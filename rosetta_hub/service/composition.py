"""The parts of the service, put together."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from rosetta_hub.accounts.client_logins import ClientLogins
from rosetta_hub.accounts.rows import delete_former_rows
from rosetta_hub.accounts.throttle import Throttle
from rosetta_hub.administration.administration import Administration
from rosetta_hub.administration.numbers import NumberCounter
from rosetta_hub.audit.log import AuditLog
from rosetta_hub.background import every
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.copies.staging import Staging, plan_staging
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task
from rosetta_hub.errors import Conflict
from rosetta_hub.files.access import FileAccess
from rosetta_hub.files.archives import ArchiveTickets
from rosetta_hub.files.preview.previews import Previews
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.mail.notifier import Notifier
from rosetta_hub.mail.sender import MailSender
from rosetta_hub.metrics.metrics import Metrics
from rosetta_hub.periodic.activity import ActivityReporter
from rosetta_hub.periodic.audit_retention import AuditRetention
from rosetta_hub.periodic.groups import GroupWatcher
from rosetta_hub.periodic.lifetimes import LifetimeEnforcer, interval_of
from rosetta_hub.periodic.liveness import LivenessWatcher
from rosetta_hub.periodic.orphans import OrphanStopper
from rosetta_hub.periodic.retention import Retention
from rosetta_hub.periodic.unopened import UnopenedCuller
from rosetta_hub.reconciler.image_pins import ImagePins
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.reconciler.reconciler import Reconciler
from rosetta_hub.reconciler.work_queue import WorkQueue
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.credentials import Credentials
from rosetta_hub.registries.hub_registry import load_registry
from rosetta_hub.registries.lookup import Lookup
from rosetta_hub.registries.references import Reference
from rosetta_hub.resources.build import ResourceBuilder
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.service.builds import BuildParts
from rosetta_hub.service.monitoring import build_health, build_metric_sources
from rosetta_hub.service.people import (
    build_account_administration,
    build_account_parts,
    build_session_ender,
)
from rosetta_hub.service.sharing import SharingParts
from rosetta_hub.software.library import Library
from rosetta_hub.software.logos import Logos
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.tasks.changes import plan_all, watch_all
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.view import Viewer
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.tunnels.settings import tunnels_config
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from rosetta_hub.users.identity_tester import IdentityTester
from rosetta_hub.users.session_end import OpenStreams
from rosetta_hub.web.active_uploads import ActiveUploads
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.open_connections import OpenConnections
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.rate_limit import build_rate_limit
from rosetta_hub.web.services import Services
from rosetta_hub.web.starters import Starters

# Steps that may go on at once for one computing resource: each may wait for an agent that starts,
# or for a slow scheduler.
WORKERS = 32
# Seconds.
EDGE_INTERVAL = 1.0
ACTIVITY_INTERVAL = 15.0
ORPHANS_INTERVAL = 60.0
USERS_INTERVAL = 300.0
RETENTION_INTERVAL = 300.0
CULL_INTERVAL = 30.0
GROUPS_INTERVAL = 60.0
MAIL_INTERVAL = 5.0
SHARING_INTERVAL = 10.0


class Parts:
    """One of each, made in the order in which they need each other.

    Raises:
        ConfigError: the configuration or the database can't be used.
    """

    def __init__(self, settings: Rosetta) -> None:
        settings.check()
        self.settings = settings
        self.keys = settings.keys()
        self.database = Database(settings.db_url)
        self.audit = AuditLog(self.database)
        self.administration = Administration(self.database, settings.heartbeat_interval)
        numbers = NumberCounter()
        self.queue = WorkQueue(self._reconcile, self._resource_of, WORKERS)
        self.logs = Logs(settings.state_path / "logs", settings.log_limit)
        self.conditions = Conditions()
        self.metrics = Metrics()
        self.tasks = TaskManager(
            self.database,
            replace(settings.catalogue(), drained=self.administration.drains.reasons),
            self.keys,
            self.logs,
            Broadcaster(),
            self.queue.add,
            watch_all(Notifier(settings).watch, self.metrics.tasks.watch, numbers.watch),
            plan_all(plan_staging, self.metrics.tasks.plan, numbers.plan),
            self.metrics.tasks.note_report,
        )
        self.lifetimes = Lifetimes(self.tasks.catalogue.lifetimes)
        self._add_registries()
        self._add_software()
        self._add_resources()
        self._add_copies()
        self.builds = BuildParts(
            settings, self.database, self.resources.endpoints.get, self.tunnels_client
        )
        self._add_reconciler()
        self._add_hub()
        self.health = build_health(settings, self.database, self.edge, self.tunnels)
        self.metrics.register_state(
            self.database, list(self.tasks.catalogue.computing), settings.heartbeat_interval
        )
        self._metric_sources = build_metric_sources(
            *(self.health, self.edge, self.tunnels),
            {"tasks": self.queue, "copies": self.copy_queue, "builds": self.builds.queue},
        )

    def _add_registries(self) -> None:
        settings, own = self.settings, self.settings.hub_registry()
        self.registries = settings.site_registries()
        self.lookup = Lookup(RegistryClient(self.registries, settings.registry_networks))
        self.hub_registry = load_registry(own.host, settings.state_path, self.keys) if own else None
        self.credentials = Credentials(self.database, self.keys, self.registries, self.hub_registry)

    def _add_software(self) -> None:
        settings, platform = self.settings, self.tasks.catalogue
        self.image_policy = ImagePolicy(
            settings.image_policy_settings(),
            self.database,
            self._find_digest,
            lambda card: card in platform.software,
        )
        self.library = Library(
            platform,
            self.database,
            settings.user_software_rules(),
            settings.service_prefix,
            self.image_policy.refusals,
        )

    async def _find_digest(self, user: User, reference: Reference) -> str:
        host, repository = reference.host, reference.repository
        login = self.credentials.find(user.name, user.groups, host, repository)
        return await self.lookup.digest(reference, login)

    async def _find_digest_for(self, user: str, reference: Reference) -> str:
        """As `_find_digest`, for the user of a task."""
        groups = frozenset(await self.hub.user_groups(user))
        return await self._find_digest(User(user, groups), reference)

    def _add_copies(self) -> None:
        settings = self.settings
        self.files = FileAccess(self.tasks.catalogue, self.resources.endpoints, self.tunnels_client)
        self.copies = CopyRecords(self.database, JobEvents(), self._wake_copies)
        jobs = CopyJobs(self.copies, self.files, Fetcher(settings))
        self.copy_queue = JobQueue(
            "copy", self.copies, jobs.work, settings.copies_per_user, settings.copies_at_once
        )
        self.staging = Staging(self.copies, self.tasks)

    def _wake_copies(self) -> None:
        self.copy_queue.wake()

    def _add_resources(self) -> None:
        self.identities = Identities(self.database, self.keys, self.settings)
        self.tunnels_config = tunnels_config(self.settings)
        self.tunnels_client = TunnelsClient(self.tunnels_config.socket)
        self._builder = ResourceBuilder(
            *(self.settings, self.keys, self.identities, self.tunnels_client),
            self.metrics.schedulers.measure,
        )
        self.resources = self._builder.build()
        self.inventory = InventoryCollector(self.resources.queues)

    def _add_reconciler(self) -> None:
        settings, tasks, resources = self.settings, self.tasks, self.resources
        self.edge = EdgePublisher(tasks, resources.all, settings, self.keys)
        self.tunnels = (
            TunnelPublisher(tasks, resources.all, settings, self.tunnels_config)
            if self._needs_tunnels()
            else None
        )
        ingress = Ingress(tasks, self.edge, self.tunnels)
        self.watchers = {
            name: JobWatcher(tasks.catalogue.computing[name], queue, tasks, self.conditions)
            for name, queue in resources.queues.items()
        }
        jobs = JobSteps(tasks, ingress, settings, self.watchers)
        self.reconciler = Reconciler(
            tasks,
            resources.hosts,
            resources.queues,
            ingress,
            jobs,
            self.conditions,
            settings,
            self.staging,
            ImagePins(tasks, self._find_digest_for),
        )

    def _needs_tunnels(self) -> bool:
        """Whether anything is reached through the tunnels' process."""
        tunnelled = (one.tunnel for one in self.tasks.catalogue.computing.values())
        return bool(self.resources.endpoints) or any(tunnelled)

    def _add_hub(self) -> None:
        self.hub_auth = build_hub_auth(self.settings, self.keys)
        self.hub = HubClient(self.hub_auth.api_url, self.keys.service_token)
        self.streams = OpenStreams()
        self.client_logins = ClientLogins()
        self.account = build_account_parts(self.database, self.settings, self.keys)
        self.session_ender = build_session_ender(
            self.tasks, self.audit, self.hub, self.edge, self.hub_auth, self.streams
        )
        self.link = IdentityTester(
            self.resources.endpoints, self.tunnels_client, self._builder.access, self.inventory
        )
        self.sharing = SharingParts(
            self.settings,
            self.tasks,
            self.hub,
            self.hub_auth,
            self.edge,
            self.keys,
            self.audit,
        )
        self.users = Users(
            self.tasks,
            self.identities,
            self.hub,
            self.edge.end_session,
            self._identity_changed,
            self._delete_jobs,
            self._delete_rows,
            self._delete_with_user,
        )

    def _delete_jobs(self, user: str) -> bool:
        """Cancel and delete a user's copies and builds; returns whether none is left."""
        left = [self.copies.delete_user(user), self.builds.records.delete_user(user)]
        return all(left)

    def _delete_rows(self, user: str) -> None:
        self.library.delete_user(user)
        self.credentials.delete_user(user)
        self.account.delete_user(user)

    def _delete_with_user(self, user: str) -> None:
        with self.database.session() as session:
            delete_former_rows(session, user)
        self.sharing.sharing.delete_user(user)

    async def _identity_changed(self, user: str, computing: str) -> None:
        """Close what was opened with a key or an account that is another one now."""
        await self.files.forget(user, computing)
        await self.link.changed(user, computing)

    def services(self) -> Services:
        """What the handlers of requests work with."""
        return Services(
            settings=self.settings,
            keys=self.keys,
            tasks=self.tasks,
            viewer=Viewer(self.settings, self.logs, self.conditions, self.lifetimes),
            edge=self.edge,
            hub=self.hub,
            hub_auth=self.hub_auth,
            templates=PageTemplates(self.settings.template_paths, self.settings.template_vars),
            inventory=self.inventory,
            identities=self.identities,
            users=self.users,
            health=self.health,
            identity_tester=self.link.test,
            identity_changed=self._identity_changed,
            files=self.files,
            copies=self.copies,
            builds=self.builds.builds,
            uploads=ActiveUploads(),
            archives=ArchiveTickets(),
            previews=Previews(),
            lookup=self.lookup,
            library=self.library,
            logos=Logos(self.database, self.library.rules),
            registries=self.registries,
            credentials=self.credentials,
            hub_registry=self.hub_registry,
            image_policy=self.image_policy,
            metrics=self._render_metrics,
            audit=self.audit,
            principals=self.sharing.principals,
            sharing=self.sharing.sharing,
            lifetimes=self.lifetimes,
            extend_job=self._extend_job,
            session_ender=self.session_ender,
            account_administration=build_account_administration(
                self.settings, self.database, self.hub, self.session_ender
            ),
            streams=self.streams,
            administration=self.administration,
            starters=Starters(),
            conditions=self.conditions,
            account=self.account,
            rate_limit=build_rate_limit(self.settings.api_requests_per_minute),
            connections=OpenConnections(),
            client_logins=self.client_logins,
            throttle=Throttle(self.database),
        )

    async def _extend_job(self, task: Task, seconds: int) -> None:
        queue = self.resources.queues.get(task.computing)
        if queue is None:
            raise Conflict("The computing resource of this task is not configured any more.")
        await queue.extend(task, seconds)

    async def _render_metrics(self) -> bytes:
        return await self.metrics.render(self._metric_sources)

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What goes on as long as the service does, by name."""
        tasks, settings = self.tasks, self.settings
        activity = ActivityReporter(tasks, self.edge, self.hub, self.sharing.session_check)
        enforcer = LifetimeEnforcer(
            *(tasks, self.edge, self.lifetimes, self.audit, activity.note),
            settings.heartbeat_interval,
        )
        steps = {
            "lifetimes": (interval_of(tasks.catalogue.lifetimes), enforcer.step),
            "edge": (EDGE_INTERVAL, self.edge.sync),
            "activity": (ACTIVITY_INTERVAL, activity.step),
            "users": (USERS_INTERVAL, self.users.step),
            "retention": (RETENTION_INTERVAL, Retention(tasks, self.hub, settings).step),
            "numbers": (CULL_INTERVAL, self.administration.report.step),
            "audit": (RETENTION_INTERVAL, AuditRetention(self.database, settings).step),
            "requests": (RETENTION_INTERVAL, self.account.requests.step),
            "orphans": (ORPHANS_INTERVAL, OrphanStopper(tasks, self.hub).step),
            "liveness": (settings.heartbeat_interval, LivenessWatcher(tasks, settings).step),
        }
        if self.tunnels is not None:
            steps["tunnels"] = (EDGE_INTERVAL, self.tunnels.sync)
        if settings.group_changes == "stop":
            groups = GroupWatcher(tasks, self.hub, self.library.catalogue_for)
            steps["groups"] = (GROUPS_INTERVAL, groups.step)
        if settings.cull_unopened_timeout:
            unopened = UnopenedCuller(tasks, self.edge, settings)
            steps["grace"] = (CULL_INTERVAL, unopened.step)
        if settings.mail_available:
            steps["mail"] = (
                MAIL_INTERVAL,
                MailSender(self.database, settings, self.lifetimes).step,
            )
        if settings.sharing:
            steps["sharing"] = (SHARING_INTERVAL, self.sharing.sharing.step)
        loops = {name: every(seconds, step, name) for name, (seconds, step) in steps.items()}
        loops["event loop lag"] = self.metrics.loop_lag.run()
        loops["copies"] = self.copy_queue.run()
        if self.builds.queue is not None:
            loops["builds"] = self.builds.queue.run()
        return {**loops, **{f"queue {name}": one.run() for name, one in self.watchers.items()}}

    def unfinished_tasks(self) -> set[str]:
        """The ids of the tasks that the reconciler has to look at when the service starts."""
        return {*self.tasks.active_ids(), *self.copies.staging_tasks()}

    async def end_all(self, seconds: float) -> list[str]:
        """Stop all tasks; returns a line for each that has not stopped within so many seconds."""
        ids = self.tasks.active_ids()
        for task_id in ids:
            self.tasks.request_stop(self.tasks.find(task_id))
        # The tasks woke the queue, which is not what works on them here.
        self.queue.close()
        ends = {id_: asyncio.create_task(self._end(id_), name=f"end {id_}") for id_ in ids}
        if ends:
            await asyncio.wait(ends.values(), timeout=seconds)
        reasons = {task_id: _reason(end, seconds) for task_id, end in ends.items()}
        return [self._left(task_id, reason) for task_id, reason in reasons.items() if reason]

    def _left(self, task_id: str, reason: str) -> str:
        task = self.tasks.find(task_id)
        return f"{task.id} ({task.name!r} of {task.user} on {task.computing}): {reason}"

    async def _end(self, task_id: str) -> None:
        """Stop a task and close its ingress, however many steps that takes.

        Raises:
            Unavailable: somebody does not answer.
        """
        delay: float | None = 0
        while delay is not None and not self.tasks.has_ended(task_id):
            await asyncio.sleep(delay)
            delay = await self.reconciler.reconcile(task_id)
        # The task has stopped; one step more closes its ingress.
        await self.reconciler.reconcile(task_id)

    async def _reconcile(self, task_id: str) -> float | None:
        return await self.reconciler.reconcile(task_id)

    def _resource_of(self, task_id: str) -> str:
        return self.tasks.computing_of(task_id)


def _reason(end: asyncio.Task[None], seconds: float) -> str:
    """Why a task has not ended; an empty text where it has."""
    if not end.done():
        end.cancel()
        return f"it did not stop within {seconds:g} s"
    return str(end.exception() or "")
