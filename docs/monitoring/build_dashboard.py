"""Writes dashboard.json, a dashboard for Grafana, next to itself: run it after changing a panel."""

import json
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).with_name("dashboard.json")
DATA_SOURCE = {"type": "prometheus", "uid": "${PROMETHEUS_DS}"}
WIDTH, HEIGHT = 12, 8
# The resources that the reader has chosen at the top of the dashboard.
HERE = 'computing=~"$computing"'


class Panel(NamedTuple):
    """A panel: its title, what it tells, Grafana's unit, and expressions with their legends."""

    title: str
    text: str
    unit: str
    queries: list[tuple[str, str]]


def _rate(metric: str, by: str, labels: str = HERE) -> str:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def _quantile(quantile: float, metric: str, by: str, labels: str = HERE) -> str:
    # Over a longer time: starts are rare.
    buckets = f"sum by (le, {by}) (rate({metric}_bucket{{{labels}}}[1h]))"
    return f"histogram_quantile({quantile}, {buckets})"


ROWS: dict[str, list[Panel]] = {
    "Tasks": [
        Panel(
            "Tasks by state",
            "Tasks that have not ended.",
            "short",
            [(f"sum by (state) (rosetta_tasks{{{HERE}}})", "{{state}}")],
        ),
        Panel(
            "Tasks by computing resource",
            "Tasks that have not ended.",
            "short",
            [(f"sum by (computing) (rosetta_tasks{{{HERE}}})", "{{computing}}")],
        ),
        Panel(
            "Starts and ends per hour",
            "Attempts that began and ended.",
            "short",
            [
                (f"sum(increase(rosetta_task_starts_total{{{HERE}}}[1h]))", "started"),
                (f"sum by (state) (increase(rosetta_task_ends_total{{{HERE}}}[1h]))", "{{state}}"),
            ],
        ),
        Panel(
            "Failures by reason",
            "Why attempts failed since the service started.",
            "short",
            [
                (
                    "sum by (reason) (rosetta_task_ends_total"
                    f'{{state="failed", reason!="", {HERE}}})',
                    "{{reason}}",
                )
            ],
        ),
        Panel(
            "Tasks that are not heard of",
            "Their agents have missed six reports.",
            "short",
            [(f"rosetta_tasks_unresponsive{{{HERE}}}", "{{computing}}")],
        ),
    ],
    "Starts": [
        Panel(
            "Time until a task can be used",
            "From the click until the interface answers.",
            "s",
            [
                (_quantile(0.5, "rosetta_task_start_seconds", "computing"), "median {{computing}}"),
                (_quantile(0.9, "rosetta_task_start_seconds", "computing"), "90 % {{computing}}"),
            ],
        ),
        Panel(
            "Waiting time",
            "From the click until the resource begins to start the task.",
            "s",
            [
                (_quantile(0.5, "rosetta_task_wait_seconds", "computing"), "median {{computing}}"),
                (_quantile(0.9, "rosetta_task_wait_seconds", "computing"), "90 % {{computing}}"),
            ],
        ),
        Panel(
            "Phases of a start",
            "Nine in ten starts spend less on their image and on their container.",
            "s",
            [
                (
                    _quantile(0.9, "rosetta_task_phase_seconds", "computing, phase"),
                    "{{phase}} {{computing}}",
                )
            ],
        ),
    ],
    "Computing resources": [
        Panel(
            "Calls of schedulers",
            "Queries, submissions and cancellations.",
            "reqps",
            [(_rate("rosetta_scheduler_calls_total", "computing, call"), "{{computing}} {{call}}")],
        ),
        Panel(
            "Unanswered calls of schedulers",
            "Share of the calls.",
            "percentunit",
            [
                (
                    _rate(
                        "rosetta_scheduler_calls_total",
                        "computing",
                        f'result="unanswered", {HERE}',
                    )
                    + " / "
                    + _rate("rosetta_scheduler_calls_total", "computing"),
                    "{{computing}}",
                )
            ],
        ),
        Panel(
            "Time of a scheduler's answer",
            "Nine in ten calls take less.",
            "s",
            [(_quantile(0.9, "rosetta_scheduler_call_seconds", "computing"), "{{computing}}")],
        ),
        Panel(
            "Tunnels",
            "Those that wait are being connected (again); an error needs somebody.",
            "short",
            [
                (
                    f"sum by (computing, state) (rosetta_tunnels{{{HERE}}})",
                    "{{computing}} {{state}}",
                )
            ],
        ),
    ],
    "Users": [
        Panel(
            "Traffic",
            "Bytes between users and tasks.",
            "Bps",
            [
                (
                    "sum by (direction) (rate(rosetta_edge_bytes_total[$__rate_interval]))",
                    "{{direction}}",
                )
            ],
        ),
        Panel(
            "Connections and sessions",
            "Open connections, and logins of browsers that may enter a task.",
            "short",
            [
                ("rosetta_edge_connections", "connections"),
                ("rosetta_browser_sessions", "sessions"),
            ],
        ),
    ],
    "The service": [
        Panel(
            "Parts that work", "1 where a part works.", "bool_yes_no", [("rosetta_up", "{{part}}")]
        ),
        Panel(
            "Time of the checks",
            "How long the check of each part takes.",
            "s",
            [("rosetta_part_check_seconds", "{{part}}")],
        ),
        Panel(
            "Queues",
            "Entries, and those that wait for another try after an error.",
            "short",
            [
                ("rosetta_queue_length", "{{queue}}"),
                ("rosetta_queue_failing", "{{queue}}, failing"),
            ],
        ),
        Panel(
            "Event loop",
            "By how much timers of the service are late: 99 in 100 are late by less.",
            "s",
            [
                (
                    "histogram_quantile(0.99, sum by (le) (rate("
                    "rosetta_event_loop_lag_seconds_bucket[$__rate_interval])))",
                    "99 %",
                )
            ],
        ),
        Panel(
            "CPU",
            "Processors in use.",
            "short",
            [
                (
                    f'rate({prefix}process_cpu_seconds_total{{job="rosetta"}}[$__rate_interval])',
                    part,
                )
                for prefix, part in (
                    ("", "service"),
                    ("rosetta_edge_", "edge"),
                    ("rosetta_tunnels_", "tunnels"),
                )
            ],
        ),
        Panel(
            "Memory",
            "Resident memory.",
            "bytes",
            [
                (f'{prefix}process_resident_memory_bytes{{job="rosetta"}}', part)
                for prefix, part in (
                    ("", "service"),
                    ("rosetta_edge_", "edge"),
                    ("rosetta_tunnels_", "tunnels"),
                )
            ],
        ),
    ],
}


def build_dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append(_row(title, len(panels) + 1, top))
        top += 1
        for number, panel in enumerate(row):
            place = {"x": number % 2 * WIDTH, "y": top + number // 2 * HEIGHT}
            panels.append(_panel(panel, len(panels) + 1, {**place, "w": WIDTH, "h": HEIGHT}))
        top += (len(row) + 1) // 2 * HEIGHT
    return {
        "title": "Rosetta Hub",
        "uid": "rosetta-hub",
        "tags": ["jupyterhub", "rosetta-hub"],
        "schemaVersion": 38,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_data_source_variable(), _computing_variable()]},
        "panels": panels,
    }


def _row(title: str, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": 2 * WIDTH, "h": 1}
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": DATA_SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _data_source_variable() -> dict[str, Any]:
    return {
        "name": "PROMETHEUS_DS",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }


def _computing_variable() -> dict[str, Any]:
    return {
        "name": "computing",
        "label": "Computing resource",
        "type": "query",
        "datasource": DATA_SOURCE,
        "query": "label_values(rosetta_tasks, computing)",
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(build_dashboard(), indent=2) + "\n")
