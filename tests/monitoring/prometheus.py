"""A Prometheus of Debian that scrapes a service every second."""

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient
from tornado.httputil import url_concat

from tests.support.eventually import until
from tests.support.ports import free_port

ALERTS = Path(__file__).parents[2] / "docs/monitoring/alerts.yml"


class Prometheus:
    """Its API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now; fails where Prometheus can't evaluate it."""
        return list((await self._get("query", query=expression))["result"])

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        alerts = (await self._get("alerts"))["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    async def last_scrape(self) -> str:
        """How the last scrape went, for the message of a test that has waited in vain."""
        (target,) = (await self._get("targets"))["activeTargets"]
        return (
            f"last scrape at {target['lastScrape']}: {target['health']}, after"
            f" {target['lastScrapeDuration']} s, {target['lastError'] or 'no error'}"
        )

    async def is_ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError):
            answer = await AsyncHTTPClient().fetch(f"{self._url}/-/ready", raise_error=False)
            return answer.code == 200
        return False

    async def _get(self, call: str, **arguments: str) -> Any:
        url = url_concat(f"{self._url}/api/v1/{call}", arguments)
        answer = await AsyncHTTPClient().fetch(url, raise_error=False)
        document = json.loads(answer.body)
        assert document["status"] == "success", (arguments, document)
        return document["data"]


@contextlib.asynccontextmanager
async def run_prometheus(folder: Path, target: str, token: str) -> AsyncIterator[Prometheus]:
    """Start one that scrapes the service at `target`, with the alerts of the documentation.

    The alerts fire as soon as their expressions are true: how long these have to be is tested by
    promtool, which has a clock of its own.
    """
    port, config = free_port(), _write_config(folder, target, token)
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    prometheus = Prometheus(port)
    try:
        await until(prometheus.is_ready)
        yield prometheus
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


def _write_config(folder: Path, target: str, token: str) -> Path:
    (folder / "token").write_text(token)
    alerts = re.sub(r"^ +for: .*\n", "", ALERTS.read_text(), flags=re.MULTILINE)
    (folder / "alerts.yml").write_text(alerts)
    scrape = {
        "job_name": "rosetta",
        "metrics_path": "/services/rosetta/metrics",
        "authorization": {"credentials_file": str(folder / "token")},
        "static_configs": [{"targets": [target]}],
    }
    config = {
        "global": {
            **{"scrape_interval": "1s", "scrape_timeout": "1s"},
            "evaluation_interval": "1s",
        },
        "rule_files": [str(folder / "alerts.yml")],
        "scrape_configs": [scrape],
    }
    # JSON is YAML.
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(config))
    return path
