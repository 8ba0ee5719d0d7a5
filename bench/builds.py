"""Builds of a repository, against plain `podman build`, and a second click, against a start.

    python -m bench.builds [ROUNDS [REPOSITORY]]

Needs root and podman. REPOSITORY is a directory, by default `tests/repos/requirements`; it is built
by the pack that recognises it, on the Debian of the base containers. `podman build` gets the very
same context, with `--no-cache` and its own network. Goals: a build takes at most 5 seconds more. A
request whose image is there, the look at the repository included, takes at most 1 second.
"""

import asyncio
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.common import Goal, alternate, finish, print_row
from rosetta_hub.builds.builds import Builds
from rosetta_hub.builds.job import BuildJobs
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.recipe import make_recipe, write_context
from rosetta_hub.builds.records import BuildRecords
from rosetta_hub.builds.settings import BuildSettings, load_builds
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_builds import BuildState
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.tasks.logs import Logs
from tests.builds.building import BASE, RUNTIME, Building, ensure_base
from tests.support.git_server import REPOSITORIES, GitServer

USER = User("alice")
PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host")


def site_files(folder: Path) -> dict[str, str]:
    """How this machine reaches its package indexes, as files of a site."""
    paths = ssl.get_default_verify_paths()
    variables = {
        name: os.environ.get(f"PIP_{name.upper().replace('-', '_')}") for name in PIP_OPTIONS
    }
    lines = [f"{name} = {value}\n" for name, value in variables.items() if value]
    (folder / "pip.conf").write_text("".join(["[global]\ncert = /etc/site.pem\n", *lines]))
    return {
        "/etc/pip.conf": str(folder / "pip.conf"),
        "/etc/site.pem": paths.cafile or paths.openssl_cafile,
    }


class Bench:
    """A git server with the repository, and a service's parts that build it."""

    def __init__(self, folder: Path, server: GitServer, source: Path) -> None:
        self.folder = folder
        self.source = source
        self.repository = server.repository("org/app")
        self.repository.commit_folder(source)
        options: dict[str, Any] = {
            "base_image": BASE,
            "runtime": RUNTIME,
            "time": 1200,
            "disk": "8G",
            "memory": "4G",
        }
        options |= {"processes": 2000, "cpus": 2, "image_files": site_files(folder)}
        settings = load_builds({**server.settings(), **options, "directory": str(folder)})
        assert settings is not None
        self.settings: BuildSettings = settings
        self.database = Database(f"sqlite:///{folder}/rosetta.sqlite")
        self.records = BuildRecords(self.database, JobEvents())
        self.building = Building(folder, **options)
        self.builder, logs = self.building.builder, Logs(folder / "logs", 1 << 20)
        self.builds = Builds(settings, self.records, self.builder, logs)
        self.jobs = BuildJobs(settings, self.records, self.builder, logs, folder / "checkouts")
        self.link = parse_link("gh", "org/app/main", {}, settings.kinds)

    async def build(self) -> float:
        """The seconds from the request to the image, at a commit that nobody has built."""
        self.repository.commit_folder(self.source)
        start = time.monotonic()
        build = await self.builds.request(USER, self.link)
        await self.jobs.work(build)
        build = self.records.find(build.id)
        if build.state is not BuildState.DONE:
            raise RuntimeError("\n".join([build.message, *build.log_tail]))
        return time.monotonic() - start

    async def second_click(self) -> float:
        """The seconds of a request whose image is there."""
        start = time.monotonic()
        build = await self.builds.request(USER, self.link)
        if build.state is not BuildState.DONE:
            raise RuntimeError("the image was not found again")
        return time.monotonic() - start

    async def prepare(self) -> tuple[str, Path]:
        """Dockerfile and context of the recipe."""
        checkout, context = self.folder / "plain", self.folder / "context"
        shutil.copytree(self.source, checkout)
        context.mkdir()
        recipe = await make_recipe(checkout, self.settings)
        write_context(recipe, checkout, context)
        return str(context / recipe.dockerfile_path), context

    def plain(self, dockerfile: str, context: Path) -> float:
        """The seconds of `podman build`."""
        command = [
            "podman",
            "--runtime",
            RUNTIME,
            "--cgroup-manager",
            "cgroupfs",
            "build",
            "--no-cache",
        ]
        command += [
            "--network=host",
            "--ulimit=nofile=1024:1024",
            "--tag",
            "localhost/bench-builds",
        ]
        start = time.monotonic()
        subprocess.run(
            [*command, "--file", dockerfile, context], check=True, stdout=subprocess.DEVNULL
        )
        return time.monotonic() - start


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    source = Path(sys.argv[2]) if len(sys.argv) > 2 else REPOSITORIES / "requirements"
    ensure_base()
    with tempfile.TemporaryDirectory(prefix="bench") as name, asyncio.Runner() as runner:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "git").mkdir(mode=0o711)
        with GitServer(folder / "git").running() as server:
            bench = Bench(folder, server, source)
            dockerfile, context = runner.run(bench.prepare())
            runner.run(bench.builder.base_digest())
            seconds = alternate(
                {
                    "build": lambda: runner.run(bench.build()),
                    "podman build": lambda: bench.plain(dockerfile, context),
                    "second click": lambda: runner.run(bench.second_click()),
                },
                rounds,
            )
            for build in bench.records.done():
                subprocess.run(["podman", "rmi", build.image], check=True, capture_output=True)
            bench.database.close()
    print_row("", *seconds)
    for number in range(rounds):
        print_row(
            f"round {number + 1}, s", *(f"{values[number]:.2f}" for values in seconds.values())
        )
    more = [
        ours - theirs
        for ours, theirs in zip(seconds["build"], seconds["podman build"], strict=True)
    ]
    finish(
        Goal("seconds more than podman build", statistics.median(more), most=5),
        Goal("second click, s", statistics.median(seconds["second click"]), most=1),
    )


if __name__ == "__main__":
    main()
