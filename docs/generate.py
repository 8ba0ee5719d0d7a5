"""Pages of the documentation that are made of something else.

The REST API and the commands are generated from the code. The files beside the README stand there
for those who read the repository, and are pages of the site, too.
"""

from pathlib import Path

from docs.api_reference import build_page
from docs.command_reference import administrators_page, users_page
from rosetta_client.cli.main import rosetta
from rosetta_hub.cli import build_parser
from rosetta_hub.web.api_handlers import describe_api

ROOT = Path(__file__).parents[1]
PREFIX = "/services/rosetta/"

API_INTRODUCTION = f"""# REST API reference

Every operation below `{PREFIX}` of the hub. [Use the REST API](../api.md) says
what all of them have in common: tokens, refusals, pages of lists, limits.
"""
ADMINISTRATION_INTRODUCTION = """# `rosetta-hub`

`rosetta-hub` is the command of administrators. It is installed with the package, and reads
`jupyterhub_config.py` of the directory that it is called in, or what `--config` or `--settings`
name.
"""
COMMANDS_INTRODUCTION = """# `rosetta`

`rosetta` is the command of users. [The user guide](../users.md#from-the-command-line) shows what
it is for.
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
        "rosetta-hub.md": administrators_page(ADMINISTRATION_INTRODUCTION, build_parser()),
        "rosetta.md": users_page(COMMANDS_INTRODUCTION, "rosetta", rosetta),
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
    """The REST API."""
    return build_page(API_INTRODUCTION, describe_api(PREFIX))


def _relink(text: str) -> str:
    for old, new in LINKS.items():
        text = text.replace(f"]({old}", f"]({new}")
    return text
