"""A command starts at once: it imports what it needs, and no more."""

import subprocess
import sys

# What has been imported when `rosetta ls` shows an answer that stands in the code.
LIST = """
from rosetta_client.cli.main import run
from rosetta_client.client import Client
from rosetta_client.decode import decode

Client.call = lambda self, call: decode(call.answer, {"tasks": [], "next": None})
assert run(["ls"]) == 0
"""
# What this needs in any case.
LIBRARIES = "import click, httpx2; httpx2.Client()"


def imported_by(code: str) -> set[str]:
    """The modules that a program has imported when it ends."""
    environment = {
        "ROSETTA_HUB": "http://127.0.0.1:1/",
        "ROSETTA_TOKEN": "made-up",
        "ROSETTA_CONFIG": "/nonexistent/config.json",
    }
    show = "import sys; print(*sys.modules, file=sys.stderr)"
    process = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return set(process.stderr.split())


def models_in(modules: set[str]) -> set[str]:
    package = "rosetta_client.models."
    return {name.removeprefix(package) for name in modules if name.startswith(package)}


def test_operations_import_no_models() -> None:
    operations = "import rosetta_client.operations, rosetta_client.async_operations"
    assert models_in(imported_by(operations)) == set()


def test_a_list_of_tasks_imports_the_models_of_tasks() -> None:
    assert models_in(imported_by(LIST)) == {"common", "tasks"}


def test_a_list_of_tasks_imports_nothing_to_await() -> None:
    modules = imported_by(LIST)
    ours = {name for name in modules if name.startswith("rosetta_client.async_")}
    assert ours == set()
    # Whether the libraries import it themselves differs between their versions.
    assert "asyncio" not in modules - imported_by(LIBRARIES)
