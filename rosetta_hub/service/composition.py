"""The parts of the service, put together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rosetta_hub.accounts.client_logins import ClientLogins
from rosetta_hub.accounts.ownership import delete_former_rows
from rosetta_hub.administration.numbers import NumberCounter
from rosetta_hub.audit.log import AuditLog
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.copies.staging import Staging, plan_staging
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task
from rosetta_hub.files.file_access import FileAccess
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.api_accounts import ApiAccounts
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.mail.notifier import Notifier
from rosetta_hub.metrics.metrics import Metrics
from rosetta_hub.reconciler.image_pins import ImagePins
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.reconciler.pod_logs import PodLogs
from rosetta_hub.reconciler.pod_reporter import PodReporter
from rosetta_hub.reconciler.reconciler import Reconciler
from rosetta_hub.reconciler.work_queue import WorkQueue
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.credentials import RegistryCredentials
from rosetta_hub.registries.hub_registry import load_registry
from rosetta_hub.registries.lookup import Lookup
from rosetta_hub.registries.pull_access import describe_access
from rosetta_hub.registries.references import Reference
from rosetta_hub.resources.identity_connections import IdentityConnections
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.resources.resource_builder import ResourceBuilder
from rosetta_hub.service.builds import BuildParts
from rosetta_hub.service.monitoring import build_health, build_metric_sources
from rosetta_hub.service.sharing import SharingParts
from rosetta_hub.service.users import (
    build_account_parts,
    build_session_ender,
)
from rosetta_hub.sidecar_settings import tunnels_config
from rosetta_hub.software.library import Library
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.tasks.changes import plan_all, watch_all
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.identities import Identities
from rosetta_hub.users.session_end import OpenStreams
from rosetta_hub.web.auth import build_hub_auth
from rosetta_hub.web.services import Administration

# Steps that may go on at once for one computing resource: each may wait for an agent that starts,
# or for a slow scheduler.
WORKERS = 32


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
        self.metric_sources = build_metric_sources(
            *(self.health, self.edge, self.tunnels),
            {"tasks": self.queue, "copies": self.copy_queue, "builds": self.builds.queue},
        )

    def _add_registries(self) -> None:
        settings, own = self.settings, self.settings.hub_registry()
        self.registries = settings.site_registries()
        self.lookup = Lookup(RegistryClient(self.registries, settings.registry_networks))
        self.hub_registry = load_registry(own.host, settings.state_path, self.keys) if own else None
        self.credentials = RegistryCredentials(
            self.database, self.keys, self.registries, self.hub_registry
        )

    def _add_software(self) -> None:
        settings, platform = self.settings, self.tasks.catalogue
        self.image_policy = ImagePolicy(
            settings.image_policy_settings(),
            self.database,
            self._find_digest,
            lambda family_id: family_id in platform.software,
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

    async def _find_registry_access(self, task: Task) -> Mapping[str, Any]:
        """The account with which a node pulls the image of a task."""
        groups = await self.hub.user_groups(task.user)
        return describe_access(task.user, groups, task.software, self.registries, self.credentials)

    def _add_copies(self) -> None:
        settings = self.settings
        self.files = FileAccess(
            self.tasks.catalogue,
            self.resources.endpoints,
            self.tunnels_client,
            self.resources.file_pods,
        )
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
            TunnelPublisher(
                *(tasks, resources.all, settings, self.tunnels_config, resources.kubectls),
                ApiAccounts({name: queue.server for name, queue in resources.pods.items()}),
            )
            if self._needs_tunnels()
            else None
        )
        ingress = Ingress(tasks, self.edge, self.tunnels)
        self.watchers = {
            name: JobWatcher(tasks.catalogue.computing[name], queue, tasks, self.conditions)
            for name, queue in resources.queues.items()
        }
        self.pod_logs = {
            name: PodLogs(name, queue, tasks) for name, queue in resources.pods.items()
        }
        self.pod_reporters = {
            name: PodReporter(name, queue, tasks, settings.heartbeat_interval, self.pod_logs[name])
            for name, queue in resources.pods.items()
        }
        for name, reporter in self.pod_reporters.items():
            reporter.on_change = self.watchers[name].pace.hurry
            resources.pods[name].submission.find_registry_access = self._find_registry_access
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
        tunnelled = (resource.tunnel for resource in self.tasks.catalogue.computing.values())
        return bool(self.resources.endpoints) or any(tunnelled)

    def _add_hub(self) -> None:
        self.hub_auth = build_hub_auth(self.settings, self.keys)
        self.hub = HubClient(self.hub_auth.api_url, self.keys.service_token)
        self.streams = OpenStreams()
        self.client_logins = ClientLogins()
        self.account = build_account_parts(self.database, self.settings, self.keys)
        self.link = IdentityConnections(
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
        self.session_ender = build_session_ender(
            self.tasks,
            self.audit,
            self.hub,
            self.edge,
            self.hub_auth,
            self.sharing.session_check,
            self.streams,
        )
        self.users = Users(
            self.tasks,
            self.identities,
            self.hub,
            self.edge.end_session,
            self.identity_changed,
            self._delete_jobs,
            self._delete_rows,
            self._delete_with_user,
        )

    def _delete_jobs(self, user: str) -> bool:
        """Cancel and delete a user's copies and builds; returns whether none is left."""
        are_gone = [self.copies.delete_user(user), self.builds.records.delete_user(user)]
        return all(are_gone)

    def _delete_rows(self, user: str) -> None:
        self.library.delete_user(user)
        self.credentials.delete_user(user)
        self.account.delete_user(user)

    def _delete_with_user(self, user: str) -> None:
        with self.database.session() as session:
            delete_former_rows(session, user)
        self.sharing.sharing.delete_user(user)

    async def identity_changed(self, user: str, computing: str) -> None:
        """Close what was opened with a key or an account that is another one now."""
        await self.files.forget(user, computing)
        await self.link.changed(user, computing)

    def unfinished_tasks(self) -> set[str]:
        """The ids of the tasks that the reconciler has to look at when the service starts."""
        return {*self.tasks.active_ids(), *self.copies.staging_tasks()}

    async def _reconcile(self, task_id: str) -> float | None:
        return await self.reconciler.reconcile(task_id)

    def _resource_of(self, task_id: str) -> str:
        return self.tasks.computing_of(task_id)
