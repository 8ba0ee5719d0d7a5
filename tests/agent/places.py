"""Where the files of a task are a user's: each engine, with each privilege that it may have."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import ROOT, Machine

ALICE = 5000


@dataclass
class Place:
    """A machine, and the directory that holds the homes there.

    `owner` is what a spec says of a home's owner, `uid` whose its files have to be.
    """

    machine: Machine
    homes: Path
    owner: dict[str, int] | None
    uid: int

    @property
    def home(self) -> Path:
        return self.homes / "alice"

    def bind(self, **changes: Any) -> dict[str, Any]:
        """The user's home, as a spec names it."""
        bind = {"source": str(self.home), "target": "/home/metauser", "home": True, "create": True}
        return {**bind, "owner": self.owner, **changes}

    def as_person(self, *argv: str) -> str:
        """What a command says that the user runs outside of any task."""
        process = subprocess.run(
            argv, user=self.uid, group=self.uid, extra_groups=[], capture_output=True, text=True
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    def owners(self) -> set[int]:
        """Whose the home is, and everything in it."""
        return {path.lstat().st_uid for path in [self.home, *self.home.rglob("*")]}


def root_place(engine: str, work_dir: Path, homes: Path) -> Place:
    """The agent is root, the engine too, and the user is somebody else."""
    return Place(Machine(engine, work_dir), homes, {"uid": ALICE, "gid": ALICE}, ALICE)


def docker_group_place(work_dir: Path, homes: Path) -> Place:
    """The agent is the user, who may use Docker and is nothing else."""
    work_dir.mkdir(mode=0o700)
    for path in (work_dir, homes):
        os.chown(path, ALICE, ALICE)
    group = Path("/var/run/docker.sock").stat().st_gid
    ids = ["--reuid", str(ALICE), "--regid", str(ALICE), "--groups", str(group)]
    prefix = ["setpriv", *ids, "env", f"PYTHONPATH={ROOT / 'agent'}", f"HOME={work_dir}"]
    machine = Machine("docker", work_dir, prefix, ["python3", "-m"], ALICE)
    return Place(machine, homes, None, ALICE)
