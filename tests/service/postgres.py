"""A PostgreSQL server of the tests' own, reached through a socket in its directory."""

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def _binary(name: str) -> str:
    paths = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    assert paths, "PostgreSQL is not installed (package postgresql)"
    return str(paths[-1])


def _as_postgres(*argv: str) -> None:
    # The server refuses to run as root.
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    subprocess.run(
        argv,
        check=True,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A running server; gives the SQLAlchemy URL of its database."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        if os.getuid() == 0:
            os.chown(name, pwd.getpwnam("postgres").pw_uid, -1)
        data = f"{name}/data"
        _as_postgres(_binary("initdb"), "-D", data, "-A", "trust", "-U", "rosetta", "--no-sync")
        options = f"-k {name} -c listen_addresses= -c fsync=off"
        control = _binary("pg_ctl")
        _as_postgres(control, "-D", data, "-o", options, "-w", "-l", f"{name}/log", "start")
        try:
            yield f"postgresql+psycopg://rosetta@/postgres?host={name}"
        finally:
            _as_postgres(control, "-D", data, "-m", "immediate", "stop")
