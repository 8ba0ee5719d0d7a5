"""Pages of the documentation that are made of something else.

The REST API and the commands are generated from the code. The files beside the README stand there
for those who read the repository, and are pages of the site, too.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosetta_hub.cli import build_parser
from rosetta_hub.web.api_handlers import describe_api

ROOT = Path(__file__).parents[1]
PREFIX = "/services/rosetta/"
METHODS = ("get", "post", "put", "patch", "delete")

API_INTRODUCTION = f"""# REST API

All that the pages do is done through this API, below `{PREFIX}` of the hub. A request
carries a token of the hub, `Authorization: token …`, which users make on the Token page; the token
needs the scope `access:services!service=rosetta`, and those that stand at each call. Refusals
are problem details (RFC 9457, `application/problem+json`): `detail` tells what to do, `type` names
the kind of refusal for programs, and `instance` is the id of the request in the log. The document
itself, with all models, is at `{PREFIX}api/v1/openapi.json`.
"""
COMMANDS_INTRODUCTION = """# Commands

`rosetta-hub` is for administrators. It is installed with the package, and reads
`jupyterhub_config.py` of the directory that it is called in, or what `--config` or `--settings`
name.
"""


# Where links of files outside of this folder lead to, from a generated page.
LINKS = {
    "docs/": "../",
    "README.md": "../index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "LICENSE": "https://opensource.org/license/bsd-3-clause",
    "jupyterhub_config.py": "example.md",
}


def write_pages(directory: Path) -> None:
    """Write all of them into a directory of their own, and remove what else is there."""
    directory.mkdir(exist_ok=True)
    pages = {
        "api.md": api_page(),
        "commands.md": commands_page(),
        "security-policy.md": file_page("SECURITY.md"),
        "contributing.md": file_page("CONTRIBUTING.md"),
        "changelog.md": file_page("CHANGELOG.md"),
        "example.md": example_page(),
    }
    for path in directory.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = directory / name
        # Sphinx reads again what has changed.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def file_page(name: str) -> str:
    """A file beside the README."""
    return _relink((ROOT / name).read_text())


def example_page() -> str:
    """The configuration of the demo."""
    return "# An example\n\n```{literalinclude} ../../jupyterhub_config.py\n```\n"


def api_page() -> str:
    """The REST API, a table for each part of it."""
    return "\n".join([API_INTRODUCTION, *_api_tables(describe_api(PREFIX))])


def commands_page() -> str:
    """What each command says about itself."""
    parts = [f"\n## `{name}`\n\n```text\n{text}```" for name, text in _helps(build_parser())]
    return COMMANDS_INTRODUCTION + "\n".join(parts) + "\n"


def _api_tables(document: dict[str, Any]) -> Iterator[str]:
    sections: dict[str, list[str]] = {}
    for path, item in sorted(document["paths"].items()):
        lines = sections.setdefault(path.split("/")[2], [])
        for method in METHODS:
            if method in item:
                summary = item[method]["summary"].replace("|", "\\|")
                lines.append(f"| `{method.upper()} {path.removeprefix('/')}` | {summary} |")
    for name, lines in sections.items():
        yield "\n".join(
            [f"\n## {name.capitalize()}\n", "| call | what it does |", "| --- | --- |", *lines]
        )


def _helps(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """The help of a parser and of those of its commands, by what one types."""
    yield parser.prog, parser.format_help()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from _helps(one)


def _relink(text: str) -> str:
    for old, new in LINKS.items():
        text = text.replace(f"]({old}", f"]({new}")
    return text
