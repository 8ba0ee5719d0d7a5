"""Code in the documentation: configuration loads, commands can be read, quoted messages exist."""

import argparse
import ast
import configparser
import functools
import importlib
import json
import re
import shlex
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml
from traitlets import HasTraits

from docs.command_reference import click_helps
from rosetta_client import Client
from rosetta_client.cli.main import rosetta
from rosetta_hub.authenticators.authenticator import RosettaAuthenticator
from rosetta_hub.cli import build_parser, load_settings
from rosetta_hub.config import Rosetta
from tests.support.syntax import nodes

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "client/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
# What blocks of a configuration are added to: resources and storages that they name.
SSH = '"access_mode": "ssh", "container_engines": ["singularity"], "conf": {"host": "login"}'
BASE = f"""
import rosetta_hub
c = get_config()
token = "x" * 32
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
c.Rosetta.tasks_url = "http://127.0.0.1"
c.Rosetta.software = [{{"name": "Web server", "image_name": "nginx", "interface_port": 80}}]
c.Rosetta.storages = []
c.Rosetta.computing = [
    {{"name": "This machine", "container_engines": ["docker"]}},
    {{"name": "Cluster REST", "wms": "slurm", {SSH}}},
    *CLUSTER*
    *CLOUD*
]
"""
CLUSTER = f'{{"name": "Cluster", "wms": "slurm", {SSH}}},'
CLOUD = """
    {"name": "Cloud", "access_mode": "api", "wms": "kubernetes", "container_engines": ["internal"],
     "max_time": "1h", "conf": {"in_cluster": True, "namespace": "n", "agent_image": "python"}},
"""


@dataclass(frozen=True)
class Block:
    """A fenced block, and where it is."""

    page: str
    line: int
    language: str
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    page = path.relative_to(ROOT).with_suffix("").as_posix()
    language, start, lines = "", 0, list[str]()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = re.match(r"\s*```(\S*)", line)
        if fence and not start:
            language, start, lines = fence[1], number, []
        elif fence:
            yield Block(page, start, language, textwrap.dedent("\n".join(lines)) + "\n")
            start = 0
        elif start:
            lines.append(line)


def blocks_in(language: str) -> list[Block]:
    """Those of all pages in a language."""
    return [block for path in PAGES for block in blocks(path) if block.language == language]


CONFIGURATION: list[Block] = []
CLIENT: list[Block] = []
for block in blocks_in("python"):
    (CLIENT if "rosetta_client" in block.text else CONFIGURATION).append(block)


def named(block: Block) -> str:
    """How a test is called."""
    return f"{block.page}-{block.line}"


@pytest.mark.parametrize("block", CONFIGURATION, ids=named)
def test_configuration_loads(block: Block, tmp_path: Path) -> None:
    text = block.text
    if not text.startswith(("c.", "import")):
        # Keys of a software.
        text = f'c.Rosetta.software = [{{"name": "A", "image_name": "a", {text}}}]\n'
    base = BASE.replace("*CLUSTER*", "" if '"id": "cluster"' in text else CLUSTER)
    base = base.replace("*CLOUD*", "" if '"id": "cloud"' in text else CLOUD)
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(base + text.replace("rosetta_hub.setup(c, __file__)", ""))
    settings = load_settings(config)
    assert settings.catalogue().software


@pytest.mark.parametrize("block", CLIENT, ids=named)
def test_methods_of_the_client_exist(block: Block) -> None:
    tree = ast.parse(block.text)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert [name.name for name in node.names if not hasattr(module, name.name)] == []
    calls = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "client"
    }
    assert calls
    assert [name for name in calls if not hasattr(Client, name)] == []


READERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "ini": configparser.ConfigParser(interpolation=None).read_string,
}


@pytest.mark.parametrize("language", READERS)
def test_documents_can_be_read(language: str) -> None:
    result = blocks_in(language)
    assert result
    for block in result:
        READERS[language](block.text)


@pytest.mark.parametrize("block", blocks_in("bash"), ids=named)
def test_shell_scripts_have_no_fault(block: Block) -> None:
    process = subprocess.run(
        ["bash", "-n"], input=block.text, text=True, capture_output=True, timeout=10
    )
    assert process.stderr == ""


def commands(program: str) -> set[str]:
    """The calls of a program, inline and in blocks, on all pages."""
    call = rf"(?:^ +|`|^\$ |&& )({program} [^`\n|>&#]+?)(?:`|$|\s*[|>&#])"
    return {
        result.strip()
        for path in PAGES
        for result in re.findall(call, path.read_text(), re.MULTILINE)
        if "--help" not in result
    }


def refused(parser: argparse.ArgumentParser, words: list[str]) -> bool:
    """Whether a parser takes arguments for wrong; those of `proxy` are another program's."""
    if words[0] == "proxy":
        return False
    try:
        parser.parse_args(words)
    except SystemExit as end:
        return bool(end.code)
    return False


def test_commands_of_administrators_have_these_arguments() -> None:
    calls = commands("rosetta-hub")
    assert "rosetta-hub check cluster --user alice --accept-host-key" in calls
    parser = build_parser()
    # Some are named without what they need.
    bare = [call for call in calls if len(call.split()) > 2 or call.split()[1] == "check"]
    wrong = [call for call in bare if refused(parser, shlex.split(call)[1:])]
    assert wrong == []
    names = {line.split()[1] for line in calls} - {"--help", "-h"}
    actions = (action.choices for action in parser._actions if isinstance(action.choices, dict))
    assert names <= {name for choices in actions for name in choices}


def test_commands_of_users_have_these_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # A folder that an example sends.
    (tmp_path / "results").mkdir()
    calls = commands("rosetta")
    assert len(calls) > 20
    wrong = []
    # Some are named without what they need.
    for call in (item for item in calls if len(item.split()) > 2):
        try:
            _parse(rosetta, shlex.split(call)[1:])
        except click.ClickException as error:
            wrong.append(f"{call}: {error.format_message()}")
    assert wrong == []


def _parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Read arguments as the command does, without running it."""
    with command.make_context(str(command.name), list(words), parent=parent) as context:
        rest = [*context._protected_args, *context.args]
        if isinstance(command, click.Group) and rest:
            _, child, words = command.resolve_command(context, rest)
            assert child is not None
            _parse(child, words, context)


def test_each_command_of_users_is_in_the_guide() -> None:
    guide = (ROOT / "docs/users.md").read_text()
    names = [name for name, _ in click_helps("rosetta", rosetta) if " " in name]
    assert [name for name in names if f"{name}" not in guide] == []


def test_options_that_pages_name_exist() -> None:
    named = {
        (kind, option)
        for path in PAGES
        for kind, option in re.findall(r"\bc\.(Rosetta\w*)\.(\w+)", path.read_text())
    }
    kinds: dict[str, type[HasTraits]] = {
        "Rosetta": Rosetta,
        "RosettaAuthenticator": RosettaAuthenticator,
    }
    assert len(named) > 30
    assert [
        item for item in named if not kinds[item[0]].class_traits(config=True).get(item[1])
    ] == []


@functools.cache
def messages(path: Path) -> str:
    """The texts of a module, a line each, with a gap for what is filled in."""
    return "\n".join(_messages(path))


def _messages(path: Path) -> Iterator[str]:
    for node in nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [
                value.value if isinstance(value, ast.Constant) else "\n" for value in node.values
            ]
            yield "".join(map(str, parts))


def test_messages_of_the_troubleshooting_page_are_ours() -> None:
    modules = [ROOT / "setup.py", *(ROOT / "rosetta_hub").rglob("*.py")]
    modules += (ROOT / "agent").rglob("*.py")
    sources = {path: path.read_text() for path in modules}

    def is_ours(fragment: str) -> bool:
        # A text may be in pieces, and a word is not: few modules have to be parsed.
        words = fragment.split()
        return any(
            fragment in messages(path)
            for path, source in sources.items()
            if all(word in source for word in words)
        )

    page = (ROOT / "docs/troubleshooting.md").read_text()
    quoted = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", page)
    assert len(quoted) > 10
    fragments = {part.strip(" .") for item in quoted for part in item.split("…")}
    assert [part for part in fragments if not is_ours(part)] == []
