"""What is told of programs and accounts that are missing."""

import os
from pathlib import Path
from typing import cast

import pytest

from rosetta_hub.builds import repo2docker_pack
from rosetta_hub.builds.program_builder import ProgramBuilder
from rosetta_hub.builds.recipe_settings import RecipeSettings
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.builds.tools import ask_git, find_problems, parse_git_version
from rosetta_hub.check.builds import BUILDER_CHECKS, BuilderContext, check_sources
from rosetta_hub.check.context import CheckFailed

SOURCES, RECIPES = SourceSettings(), RecipeSettings()


def test_nothing_is_missing_here() -> None:
    assert find_problems(SOURCES, RECIPES) == []


VERSIONS = {
    None: "git is not installed",
    "git version 2.30.2": "git 2.30.2 is too old: 2.37",
    "": "git of an unknown version is too old",
}


@pytest.mark.parametrize("text", VERSIONS)
def test_git(text: str | None) -> None:
    (problem,) = find_problems(SOURCES, RECIPES, lambda: text)
    assert problem.startswith(VERSIONS[text])


def test_versions_of_git() -> None:
    assert parse_git_version("git version 2.39.5 (Apple Git-154)") == (2, 39, 5)
    assert find_problems(SOURCES, RECIPES, lambda: "git version 2.37.0") == []
    assert find_problems(SOURCES, RECIPES, lambda: "git version 3.0") == []


def test_git_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_git() is None
    (tmp_path / "git").write_bytes(b"\x7fELF")
    (tmp_path / "git").chmod(0o755)
    assert ask_git() is None


ACCOUNTS = {"root": "must not be root", "no-such-account": "There is no account 'no-such-account'"}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_accounts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SourceSettings(account=name)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (problem,) = find_problems(settings, RECIPES)
    assert ACCOUNTS[name] in problem
    # A service that is not root becomes nobody else.
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_problems(settings, RECIPES) == []


def test_a_file_of_certificates_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "ca.pem")
    (problem,) = find_problems(SourceSettings(ca_file=path), RECIPES)
    assert problem == f"{path} ('ca_file') can't be read."


def test_repo2docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repo2docker_pack, "version", lambda: "")
    (problem,) = find_problems(SOURCES, RECIPES)
    assert problem.startswith("repo2docker is not installed: no images are made of repositories")
    assert find_problems(SOURCES, RecipeSettings(buildpacks=("pip",))) == []


async def test_the_check_of_an_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    context = BuilderContext(BuildSettings(), cast(ProgramBuilder, None))
    assert await check_sources(context) == "repositories can be fetched and read"
    monkeypatch.setattr(repo2docker_pack, "version", lambda: "")
    with pytest.raises(CheckFailed, match="repo2docker is not installed"):
        await check_sources(context)
    assert BUILDER_CHECKS[0].run is check_sources
