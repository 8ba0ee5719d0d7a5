"""The documentation keeps up with the code."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from traitlets import HasTraits

import rosetta_hub
from docs.api_reference import METHODS, plain, type_text
from docs.generate import api_page
from rosetta_hub.accounts.settings import LocalSettings
from rosetta_hub.authenticators.authenticator import RosettaAuthenticator
from rosetta_hub.authenticators.settings import MethodSettings
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.catalogue.computing import Computing, load_computing
from rosetta_hub.catalogue.computing_conf import (
    Conf,
    DockerApiConf,
    LocalConf,
    SlurmRestConf,
    SshConf,
)
from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf
from rosetta_hub.catalogue.conf_stores import S3Conf, WebDavConf
from rosetta_hub.catalogue.lifetimes import Lifetime
from rosetta_hub.catalogue.limits import Limit
from rosetta_hub.catalogue.registries import Registry
from rosetta_hub.catalogue.software import Software
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.cli import load_settings
from rosetta_hub.config import Rosetta
from rosetta_hub.software.settings import ImagePolicySettings, UserSoftwareRules
from rosetta_hub.web.api_handlers import describe_api
from tests.pages.docs_pictures import PICTURES

ROOT = Path(__file__).parents[1]
# Links between pages of the site are checked when it is built.
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
EXAMPLE = ROOT / "jupyterhub_config.py"


def read(name: str) -> str:
    return (ROOT / name).read_text()


def section(title: str) -> str:
    """The part of the configuration's page under a heading."""
    parts = read("docs/configuration.md").split("\n## ")
    (result,) = (part for part in parts if part.startswith(title))
    return result


def own(conf: type[Conf]) -> list[str]:
    return [name for name in conf.model_fields if name not in LocalConf.model_fields]


def own_options(kind: type[HasTraits]) -> list[str]:
    return [name for name in kind.class_own_traits(config=True) if name != "allow_all"]


KEYS = {
    "`c.Rosetta`": list(Rosetta.class_traits(config=True)),
    "`c.RosettaAuthenticator`": own_options(RosettaAuthenticator),
    "Local accounts": list(LocalSettings.model_fields),
    "Login methods": list(MethodSettings.model_fields),
    "Software": list(Software.model_fields),
    "Computing resources": [*Computing.model_fields, *LocalConf.model_fields],
    "Storages": list(Storage.model_fields),
    "WebDAV servers": list(WebDavConf.model_fields),
    "S3 servers": list(S3Conf.model_fields),
    "Limits": list(Limit.model_fields),
    "Lifetimes": list(Lifetime.model_fields),
    "Users' software": list(UserSoftwareRules.model_fields),
    "Builds": list(BuildSettings.model_fields),
    "Image policy": list(ImagePolicySettings.model_fields),
    "Registries": list(Registry.model_fields),
    "Computing: `ssh`": own(SshConf),
    "Computing: `slurmrest`": own(SlurmRestConf),
    "Computing: Docker": own(DockerApiConf),
    "Computing: Kubernetes": [*own(KubernetesConf), "kubectl"],
}


@pytest.mark.parametrize("title", KEYS)
def test_every_key_has_a_line_and_every_line_a_key(title: str) -> None:
    lines = re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)
    named = [name for line in lines for name in re.findall(r"`(\w+)`", line)]
    assert sorted(named) == sorted(KEYS[title])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"[^!]\[[^]]*\]\(([^)#]+)\)", read(name))
    here = (ROOT / name).parent
    assert [link for link in links if "://" not in link and not (here / link).exists()] == []


def test_the_cluster_of_the_guide_is_that_of_the_example_and_can_be_loaded() -> None:
    page = read("docs/clusters.md")
    (view,) = re.findall(r"```python\n(c\.Rosetta\.computing \+= .*?)```", page, re.S)
    commented = "".join(f"#     {line}".rstrip() + "\n" for line in view.splitlines())
    assert commented in EXAMPLE.read_text()
    (cluster,) = ast.literal_eval(view.partition("+=")[2].strip())
    assert load_computing([cluster])["cluster"].tunnel == "ssh"


def test_storages_of_the_documents_can_be_loaded() -> None:
    page = read("docs/storages.md")
    blocks = re.findall(r"```python\nc\.Rosetta\.storages \+?= (.*?)```", page, re.S)
    ssh: dict[str, Any] = {
        "access_mode": "ssh",
        "container_engines": ["singularity"],
        "conf": {"host": "login"},
    }
    computing: list[dict[str, Any]] = [
        {"name": "This machine", "container_engines": ["docker"]},
        ssh | {"name": "Cluster", "wms": "slurm"},
        ssh | {"name": "Cluster REST", "wms": "slurm"},
        {
            "name": "Cloud",
            "access_mode": "api",
            "wms": "kubernetes",
            "container_engines": ["internal"],
            "max_time": "1h",
            "conf": {"in_cluster": True, "namespace": "rosetta", "agent_image": "python"},
        },
    ]
    assert blocks
    for block in blocks:
        assert load_catalogue([], computing, (), ast.literal_eval(block)).storages


# Where the architecture's page leaves the beginning of a path out.
SOURCE_FOLDERS = (
    "",
    "rosetta_hub",
    "rosetta_hub/edge",
    "rosetta_hub/edge/js",
    "agent/rosetta_agent",
    "spawners",
)


@pytest.mark.parametrize(("name", "least"), [("architecture", 30), ("extending", 15)])
def test_files_that_a_page_names_exist(name: str, least: int) -> None:
    named = set(re.findall(r"`([\w/.]+\.(?:py|mjs|js))`", read(f"docs/{name}.md")))
    assert len(named) > least
    missing = [
        name
        for name in sorted(named)
        if not any((ROOT / folder / name).is_file() for folder in SOURCE_FOLDERS)
    ]
    assert missing == []


def test_packages_that_the_architecture_names_are_all() -> None:
    table = read("docs/architecture.md").partition("\n## Packages")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(rosetta_[a-z_]+(?:\.[a-z_]+)*)`", table))
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "rosetta_hub").glob("*/__init__.py")
    }
    assert packages - named == set()


@pytest.mark.parametrize("command", ["demo", "test", "check", "install"])
def test_commands_are_named(command: str) -> None:
    assert f"`{command}`" in read("README.md")
    assert (ROOT / "scripts" / command).stat().st_mode & 0o111


def test_changelog_begins_with_what_is_unreleased() -> None:
    assert read("CHANGELOG.md").split("\n## ")[1].startswith("Unreleased")


def test_version_is_said_once() -> None:
    assert f"\nversion = {rosetta_hub.__version__}\n" in read("setup.cfg")


def test_five_lines_of_the_readme_are_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, *_ = re.findall(r"```python\n(.*?)```", read("README.md"), re.DOTALL)
    assert len([line for line in lines.splitlines() if line]) == 5
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(lines)
    monkeypatch.chdir(tmp_path)
    load_settings(config).check()


def test_example_offers_every_base_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSETTA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ROSETTA_ENGINES", "docker podman singularity")
    settings = load_settings(EXAMPLE)
    settings.check()
    ours = {
        version.image_name: version.image_tag
        for family in settings.catalogue().software.values()
        for version in family.versions
        if version.image_name.startswith("rosetta/")
    }
    (names,) = re.findall(r"^all_images=\((.*)\)", read("docker/build"), re.MULTILINE)
    assert ours == {f"rosetta/{name}": rosetta_hub.__version__ for name in names.split()}


def pages() -> list[str]:
    """The hand-written pages of the site, and the README."""
    return ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


def test_pictures_are_those_that_pages_show() -> None:
    view = {
        name
        for page in pages()
        for name in re.findall(r"(?:\]\(|\{image\} )(?:docs/)?images/([\w.-]+)", read(page))
    }
    present = {path.name for path in (ROOT / "docs/images").iterdir()}
    assert present == view
    assert present == {"architecture.svg", *(f"{name}.png" for name in PICTURES)}


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs/images").iterdir()}
    assert {name: size for name, size in sizes.items() if size > 100_000} == {}


def test_reference_has_every_operation_and_model() -> None:
    document = describe_api("/services/rosetta/")
    headings = set(re.findall(r"^### (.*)$", api_page(), re.MULTILINE))
    operations = {
        f"`{method.upper()} {path.removeprefix('/')}`"
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }
    assert len(operations) > 100
    assert headings == operations | set(document["components"]["schemas"])


def test_types_of_the_reference_are_words() -> None:
    nullable = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
    assert type_text(nullable) == "integer, at least `1` or null"
    named = {"type": "array", "items": {"$ref": "#/components/schemas/TaskView"}}
    assert type_text(named) == "list of [TaskView](#taskview)"
    assert type_text({"enum": ["a", "b"]}) == "`a` or `b`"
    assert plain("x | `a<b`\n<b>") == "x \\| `a<b` &lt;b>"
