"""What goes on as long as the service does."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from rosetta_hub.background import every
from rosetta_hub.mail.sender import MailSender
from rosetta_hub.periodic.activity import ActivityReporter
from rosetta_hub.periodic.groups import GroupWatcher
from rosetta_hub.periodic.lifetimes import LifetimeEnforcer, interval_of
from rosetta_hub.periodic.liveness import LivenessWatcher
from rosetta_hub.periodic.orphans import OrphanStopper
from rosetta_hub.periodic.retention import AuditRetention, Retention
from rosetta_hub.periodic.unopened import UnopenedCuller
from rosetta_hub.reconciler.pod_logs import FOLLOW_INTERVAL
from rosetta_hub.service.composition import Parts

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


# Seconds between two rounds, and what a round does.
Step = tuple[float, Callable[[], Awaitable[None]]]


def build_loops(parts: Parts) -> dict[str, Coroutine[Any, Any, None]]:
    """What goes on as long as the service does, by name."""
    steps = _steps(parts) | _chosen_steps(parts)
    loops = {name: every(seconds, step, name) for name, (seconds, step) in steps.items()}
    loops["event loop lag"] = parts.metrics.loop_lag.run()
    loops["copies"] = parts.copy_queue.run()
    if parts.builds.queue is not None:
        loops["builds"] = parts.builds.queue.run()
    for name, reporter in parts.pod_reporters.items():
        queue = parts.resources.pods[name]
        loops[f"pods {name}"] = queue.pods.run()
        loops[f"usage {name}"] = queue.usage.run(queue.has_pods)
        loops[f"reports {name}"] = reporter.run()
        loops[f"pods of files {name}"] = parts.resources.file_pods[name].run()
    for name, logs in parts.pod_logs.items():
        loops[f"logs {name}"] = every(FOLLOW_INTERVAL, logs.follow, f"logs {name}")
    return {**loops, **{f"queue {name}": watcher.run() for name, watcher in parts.watchers.items()}}


def _steps(parts: Parts) -> dict[str, Step]:
    tasks, settings = parts.tasks, parts.settings
    activity = ActivityReporter(tasks, parts.edge, parts.hub, parts.sharing.session_check)
    enforcer = LifetimeEnforcer(
        *(tasks, parts.edge, parts.lifetimes, parts.audit, activity.note),
        settings.heartbeat_interval,
    )
    return {
        "lifetimes": (interval_of(tasks.catalogue.lifetimes), enforcer.step),
        "edge": (EDGE_INTERVAL, parts.edge.sync),
        "activity": (ACTIVITY_INTERVAL, activity.step),
        "users": (USERS_INTERVAL, parts.users.step),
        "retention": (RETENTION_INTERVAL, Retention(tasks, parts.hub, settings).step),
        "numbers": (CULL_INTERVAL, parts.administration.report.step),
        "requests": (RETENTION_INTERVAL, parts.account.requests.step),
        "audit": (RETENTION_INTERVAL, AuditRetention(parts.database, settings).step),
        "orphans": (ORPHANS_INTERVAL, OrphanStopper(tasks, parts.hub).step),
        "liveness": (settings.heartbeat_interval, LivenessWatcher(tasks, settings).step),
    }


def _chosen_steps(parts: Parts) -> dict[str, Step]:
    """What depends on the configuration."""
    tasks, settings, steps = parts.tasks, parts.settings, dict[str, Step]()
    if parts.tunnels is not None:
        steps["tunnels"] = (EDGE_INTERVAL, parts.tunnels.sync)
    if settings.group_changes == "stop":
        groups = GroupWatcher(tasks, parts.hub, parts.library.catalogue_for)
        steps["groups"] = (GROUPS_INTERVAL, groups.step)
    if settings.cull_unopened_timeout:
        unopened = UnopenedCuller(tasks, parts.edge, settings)
        steps["unopened"] = (CULL_INTERVAL, unopened.step)
    if settings.mail_available:
        mail = MailSender(parts.database, settings, parts.lifetimes)
        steps["mail"] = (MAIL_INTERVAL, mail.step)
    if settings.sharing:
        steps["sharing"] = (SHARING_INTERVAL, parts.sharing.sharing.step)
    return steps
