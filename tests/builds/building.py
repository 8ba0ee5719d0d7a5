"""Real builds: a builder on this machine, and the small image that they begin from."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rosetta_agent.builds.engine import BASES, short_name
from rosetta_agent.builds.work_dir import run_root
from rosetta_hub.agents.programs import BUILD_PROGRAM
from rosetta_hub.builds.builder import BuildProgress, Image
from rosetta_hub.builds.images import ImageStore
from rosetta_hub.builds.program_builder import ProgramBuilder
from rosetta_hub.builds.recipe import Recipe
from rosetta_hub.builds.settings import load_builds
from rosetta_hub.catalogue.registries import load_registries
from rosetta_hub.files.channel import Channel
from rosetta_hub.files.channel_local import LocalChannel, start_program
from rosetta_hub.registries.client import RegistryClient

# Debian as debootstrap makes it.
BASE = "localhost/rosetta/debian:bookworm"
_BASE_IN_DOCKER = "rosetta/debian:bookworm"
# The OCI runtime that works on machines of every kind, as root.
RUNTIME = "runc"


def ensure_base() -> None:
    """Podman has the base image."""
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode != 0:
        source = f"docker-daemon:{_BASE_IN_DOCKER}"
        subprocess.run(["podman", "pull", "--quiet", source], check=True, capture_output=True)
        subprocess.run(
            ["podman", "tag", f"docker.io/{_BASE_IN_DOCKER}", BASE],
            check=False,
            capture_output=True,
        )


@contextmanager
def builds_folder() -> Iterator[Path]:
    """A directory for builds and the store of their base images, which goes without a trace."""
    ensure_base()
    with tempfile.TemporaryDirectory(prefix="builds") as name:
        yield Path(name)
    shutil.rmtree(run_root(short_name(os.path.join(name, BASES))), ignore_errors=True)


class Building:
    """A builder whose builds are known by an id of their own, and what it has told."""

    def __init__(
        self,
        folder: Path,
        registries: list[dict[str, Any]] | None = None,
        open_program: Callable[[], Awaitable[Channel]] | None = None,
        **options: Any,
    ) -> None:
        settings = load_builds(
            {
                "base_image": BASE,
                "runtime": RUNTIME,
                "directory": str(folder),
                "disk": "400M",
                "memory": "400M",
                "processes": 100,
                "time": 60,
                "cpus": 1,
                **options,
            }
        )
        assert settings is not None
        value = load_registries(registries or [])
        self.settings = settings
        self.folder = folder
        self.store = ImageStore(settings, value, RegistryClient(value))
        self.builder = ProgramBuilder(settings, open_program or self._open, "amd64", self.store)
        self.build_id = secrets.token_hex(6)
        self.channels: list[LocalChannel] = []
        self.told: list[BuildProgress] = []

    async def _open(self) -> Channel:
        channel = await start_program(BUILD_PROGRAM.command(sys.executable), BUILD_PROGRAM.stdin())
        self.channels.append(channel)
        return channel

    @property
    def log(self) -> str:
        """What was told of the output."""
        return "".join(progress.log for progress in self.told)

    @property
    def steps(self) -> list[tuple[int | None, int | None]]:
        """The steps that were told."""
        return [(item.step, item.steps) for item in self.told if item.step is not None]

    async def build(
        self, *steps: str, files: Mapping[str, str] | None = None, base: str = BASE
    ) -> Image:
        """Build these lines on the base image."""
        context = self.folder / f"context-{secrets.token_hex(4)}" / "context"
        context.mkdir(parents=True)
        (context / "Dockerfile").write_text("\n".join((f"FROM {base}", *steps, "")))
        for name, text in (files or {}).items():
            (context / name).write_text(text)
        recipe = Recipe("dockerfile", "1", "", base_image=base)
        name = f"test:{self.build_id}"
        return await self.builder.build(self.build_id, name, recipe, context, self.told.append)

    def left(self) -> list[str]:
        """What is left of the build: directories, mounts, control groups, processes."""
        name = f"rosetta-build-{self.build_id}"
        values = [str(path) for path in self.folder.glob("rosetta-build-*")]
        values += [line for line in Path("/proc/mounts").read_text().splitlines() if name in line]
        values += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{name}")]
        values += [str(path) for path in Path("/sys/fs/cgroup").glob(name)]
        return values + [line for line in commands() if name in line]

    async def remove(self, image: Image) -> None:
        """Remove an image of a test."""
        await self.builder.remove(image)


def commands() -> list[str]:
    """The command lines of all processes."""
    values = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                values.append(Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return values


async def run(*command: str) -> str:
    """The output of a command, which has to work."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
