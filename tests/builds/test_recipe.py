"""From files to Dockerfiles: which pack takes a repository, and what it makes of it."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rosetta_hub.builds import pip_pack, repo2docker_pack
from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe import Recipe, make_recipe, packs_version, write_context
from rosetta_hub.builds.recipe_settings import RecipeSettings
from tests.support.git_server import REPOSITORIES

SETTINGS = RecipeSettings(buildpacks=("dockerfile", "pip"))


@pytest.fixture(autouse=True)
def reachable(tmp_path: Path) -> None:
    """For the account without rights that reads the repository."""
    tmp_path.chmod(0o711)


async def recipe_of(folder: Path, files: dict[str, str], **settings: Any) -> Recipe:
    write(folder, files)
    return await make_recipe(folder, RecipeSettings.model_validate({**plain(), **settings}))


def plain() -> dict[str, Any]:
    return {"buildpacks": ("dockerfile", "pip")}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


async def refusal(folder: Path, files: dict[str, str], **settings: Any) -> str:
    with pytest.raises(RecipeRefused) as refused:
        await recipe_of(folder, files, **settings)
    return str(refused.value)


def instructions(recipe: Recipe) -> list[str]:
    """The lines of the Dockerfile, continued ones as one."""
    text = recipe.dockerfile.replace("\\\n", "")
    return [" ".join(line.split()) for line in text.splitlines()]


def position(recipe: Recipe, beginning: str) -> int:
    (result,) = [
        number for number, line in enumerate(instructions(recipe)) if line.startswith(beginning)
    ]
    return result


# --- the pack pip --------------------------------------------------------------------------------


async def test_everything_that_the_pack_reads(tmp_path: Path) -> None:
    recipe = await make_recipe(REPOSITORIES / "complete", SETTINGS)
    assert recipe.pack == "pip"
    assert instructions(recipe) == [
        "FROM debian:bookworm-slim",
        "USER root",
        "ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8",
        "RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates"
        " python3 python3-venv && apt-get clean && rm -rf /var/lib/apt/lists/*",
        "RUN if ! getent passwd 1000 >/dev/null; then useradd --uid 1000 --create-home --shell"
        " /bin/bash jovyan; fi && mkdir -p /opt/venv /home/jovyan && chown 1000:1000 /opt/venv"
        " /home/jovyan",
        "USER 1000",
        "ENV HOME=/home/jovyan REPO_DIR=/home/jovyan"
        " PATH=/opt/venv/bin:/home/jovyan/.local/bin:$PATH",
        "WORKDIR /home/jovyan",
        "RUN python3 -m venv /opt/venv && pip install --no-cache-dir --disable-pip-version-check"
        " jupyterlab notebook",
        "USER root",
        "RUN apt-get update && apt-get install --yes --no-install-recommends file && apt-get clean"
        " && rm -rf /var/lib/apt/lists/*",
        "USER 1000",
        "COPY --chown=1000:1000 src/ /home/jovyan/",
        "RUN pip install --no-cache-dir --disable-pip-version-check -r binder/requirements.txt",
        'RUN chmod +x "binder/postBuild" && "./binder/postBuild"',
        'RUN chmod +x "binder/start"',
        'ENV REPO_START="binder/start"',
        "COPY start /opt/rosetta/start",
        "EXPOSE 8888",
        'ENTRYPOINT ["/opt/rosetta/start"]',
    ]
    assert (recipe.port, recipe.interface_auth, recipe.command) == (8888, "jupyter", ())
    assert (recipe.source_path, recipe.base_image) == ("src", "debian:bookworm-slim")
    assert set(recipe.files) == {"start"}
    assert recipe.notes == ()


async def test_dependencies_are_a_layer_below_the_files(tmp_path: Path) -> None:
    """So a change of a notebook installs nothing again."""
    recipe = await recipe_of(tmp_path, {"requirements.txt": "numpy\n", "a.ipynb": "{}"})
    copy = position(recipe, "COPY --chown=1000:1000 src/")
    assert position(recipe, "COPY src/requirements.txt /tmp/requirements.txt") < copy
    assert position(recipe, "RUN pip install --no-cache-dir") < copy


LOCAL = ["-r more.txt", "-e .", "./package", "-c limits.txt", "a @ file:///home/jovyan/a", "."]


@pytest.mark.parametrize("line", LOCAL)
async def test_requirements_that_need_the_repository(tmp_path: Path, line: str) -> None:
    recipe = await recipe_of(tmp_path, {"requirements.txt": f"numpy\n{line}\n"})
    install = position(recipe, "RUN pip install --no-cache-dir --disable-pip-version-check -r req")
    assert position(recipe, "COPY --chown=1000:1000 src/") < install


async def test_a_package_of_its_own() -> None:
    recipe = await make_recipe(REPOSITORIES / "pyproject", SETTINGS)
    copy = position(recipe, "COPY --chown=1000:1000 src/")
    assert recipe.files["dependencies.txt"] == b"tabulate==0.9.0\n"
    assert position(recipe, "COPY dependencies.txt") < copy
    assert position(recipe, "RUN pip install --no-cache-dir --disable-pip-version-check .") > copy


DEPENDENCIES = {
    "one of the repository": '["a @ file:///x"]',
    "an option": '["--index-file=x"]',
    "two lines": '["a\\n-r /etc/passwd"]',
    "no list": '"a"',
    "no text": "[1]",
}


@pytest.mark.parametrize("name", DEPENDENCIES)
async def test_dependencies_that_are_installed_with_the_package(tmp_path: Path, name: str) -> None:
    text = f'[project]\nname = "a"\ndependencies = {DEPENDENCIES[name]}\n'
    recipe = await recipe_of(tmp_path, {"pyproject.toml": text})
    assert "dependencies.txt" not in recipe.files
    assert position(recipe, "RUN pip install --no-cache-dir --disable-pip-version-check .")


async def test_settings_of_tools_are_no_package(tmp_path: Path) -> None:
    recipe = await recipe_of(tmp_path, {"pyproject.toml": "[tool.black]\nline-length = 90\n"})
    assert recipe.dockerfile.count("pip install") == 1
    assert recipe.notes == ("The repository has no build file: the image has JupyterLab alone.",)


async def test_no_build_file_is_an_empty_environment_as_in_binder(tmp_path: Path) -> None:
    recipe = await recipe_of(tmp_path, {"README.md": "Hello"})
    assert recipe.notes == ("The repository has no build file: the image has JupyterLab alone.",)
    assert position(recipe, "COPY --chown=1000:1000 src/")


async def test_build_files_at_the_top_do_not_count_beside_a_directory(tmp_path: Path) -> None:
    files = {"requirements.txt": "numpy\n", ".binder/apt.txt": "file\n", "postBuild": "#!/bin/sh\n"}
    recipe = await recipe_of(tmp_path, files)
    assert "requirements" not in recipe.dockerfile
    assert "postBuild" not in recipe.dockerfile
    assert " file " in recipe.dockerfile


async def test_both_directories(tmp_path: Path) -> None:
    text = await refusal(tmp_path, {"binder/a": "", ".binder/a": ""})
    assert text == "The repository has both the directories binder and .binder. Keep one of them."


RUNTIMES = {
    "python-3.11": True,
    "python-3.11.9": True,
    "python-3": True,
    "python": True,
    "\n": True,
    "python-3.12": False,
    "python-2.7": False,
    "python-3.1": False,
    "snake-4": False,
}


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_the_python_of_the_base_only(tmp_path: Path, runtime: str) -> None:
    files = {"runtime.txt": runtime}
    if RUNTIMES[runtime]:
        assert (await recipe_of(tmp_path, files)).pack == "pip"
        return
    assert await refusal(tmp_path, files) == (
        f"runtime.txt asks for {runtime!r}, but images are made with Python 3.11 here. Remove the"
        " file, or write python-3.11."
    )


APT = ["file; rm -rf /", "$(id)", "-o APT::x=y", "a\tb`id`", "../x", "File", "a|b"]


@pytest.mark.parametrize("line", APT)
async def test_names_of_debian_packages(tmp_path: Path, line: str) -> None:
    text = await refusal(tmp_path, {"apt.txt": f"file\n{line}\n"})
    assert "is no name of a Debian package. Write one name a line." in text


async def test_packages_of_debian_are_sorted(tmp_path: Path) -> None:
    """The same packages are the same layer."""
    recipe = await recipe_of(tmp_path, {"apt.txt": "# x\nz\na b=1:2.0~rc1-3+b1 # y\n\nz\n"})
    assert "--no-install-recommends a b=1:2.0~rc1-3+b1 z \\\n" in recipe.dockerfile


FILES = {
    "a link out of it": "apt.txt is left out",
    "too large": "apt.txt is larger than 1 MB.",
    "no text": "apt.txt is not a text in UTF-8.",
}


@pytest.mark.parametrize("name", FILES)
async def test_build_files_that_are_none(tmp_path: Path, name: str) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    path = repository / "apt.txt"
    if name == "a link out of it":
        (tmp_path / "secret").write_text("secret-package\n")
        path.symlink_to("../secret")
        recipe = await recipe_of(repository, {})
        assert "secret-package" not in recipe.dockerfile
        return
    path.write_bytes(b"\xff\xfe" if name == "no text" else b"a\n" * (1 << 20))
    assert await refusal(repository, {}) == FILES[name]


async def test_pipes_are_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "requirements.txt")
    assert (await recipe_of(tmp_path, {})).notes


FOREIGN = {
    "conda": "needs conda (environment.yml)",
    "r": "needs R (install.R)",
    "julia": "needs Julia (Project.toml)",
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_what_needs_repo2docker(name: str) -> None:
    with pytest.raises(RecipeRefused) as refused:
        await make_recipe(REPOSITORIES / name, SETTINGS)
    assert str(refused.value).startswith(f"The repository {FOREIGN[name]}")


# --- files of the site ---------------------------------------------------------------------------


async def test_files_of_the_site_come_first(tmp_path: Path) -> None:
    mirror = tmp_path / "pip.conf"
    mirror.write_text("[global]\nindex-url = https://mirror.example.org/pip\n")
    settings = {"image_files": {"/etc/pip.conf": str(mirror)}, "base_image": "site/base:1"}
    repository = tmp_path / "repository"
    repository.mkdir()
    recipe = await recipe_of(repository, {}, **settings)
    assert position(recipe, "FROM site/base:1") == 0
    assert position(recipe, "COPY site/ /") < position(recipe, "RUN apt-get update")
    assert recipe.files["site/etc/pip.conf"] == mirror.read_bytes()


IMAGE_FILES = {
    "a password": ("/etc/pip.conf", "index-url = https://me:secret@host/x\n", "a password"),
    "a relative path": ("etc/pip.conf", "", "is not an absolute path"),
    "a path that leads up": ("/etc/../x", "", "is not an absolute path"),
}


@pytest.mark.parametrize("name", IMAGE_FILES)
def test_files_of_the_site_that_are_refused(tmp_path: Path, name: str) -> None:
    target, text, message = IMAGE_FILES[name]
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ValidationError, match=message) as refused:
        RecipeSettings.model_validate({"image_files": {target: str(path)}})
    assert "secret" not in str(refused.value)


def test_the_version_changes_with_what_the_site_adds(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("1")
    settings = RecipeSettings(image_files={"/etc/pip.conf": str(path)})
    versions = [packs_version(RecipeSettings()), packs_version(settings)]
    path.write_text("2")
    versions += [
        packs_version(settings),
        packs_version(RecipeSettings(base_image="other")),
        packs_version(RecipeSettings(base_python="3.12")),
        packs_version(RecipeSettings(buildpacks=("pip",))),
        packs_version(RecipeSettings(buildpacks=("pip", "dockerfile"))),
    ]
    assert len(set(versions)) == len(versions)
    assert packs_version(RecipeSettings()) == packs_version(RecipeSettings())


# --- Dockerfiles ---------------------------------------------------------------------------------

JUPYTER = ("jupyter", "notebook", "--ip=0.0.0.0", "--port=8888")
# Text -> port, how it asks for a token, and the command.
DOCKERFILES: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "FROM a\nEXPOSE 8050\nCMD x\n": (8050, "none", ()),
    "FROM a\n": (8888, "jupyter", JUPYTER),
    "FROM a\nCMD python3\n": (8888, "jupyter", JUPYTER),
    "FROM a\nEXPOSE 8888\n": (8888, "jupyter", JUPYTER),
    "FROM a\nEXPOSE 8888\nCMD jupyter lab\n": (8888, "jupyter", ()),
    "from a as b\nexpose 1\ncmd x\nfrom c\nexpose 80/tcp 81\nentrypoint y\n": (80, "none", ()),
    "FROM a\nEXPOSE 53/udp 8080-8090\nCMD x\n": (8080, "none", ()),
    "ARG PORT=5000\nFROM a\nARG PORT\nENV WEB=6000\nEXPOSE $WEB\nCMD x\n": (6000, "none", ()),
    "FROM a\nEXPOSE ${PORT:-7000}\nCMD x\n": (7000, "none", ()),
    "FROM a\n# EXPOSE 1\nEXPOSE \\\n  # a comment\n  9000\nCMD x\n": (9000, "none", ()),
    "FROM a\nEXPOSE $UNKNOWN 0 99999 x\nCMD x\n": (8888, "jupyter", JUPYTER),
}


@pytest.mark.parametrize("text", DOCKERFILES)
async def test_how_images_of_dockerfiles_are_reached(tmp_path: Path, text: str) -> None:
    files = {"Dockerfile": text, "requirements.txt": "numpy", "environment.yml": ""}
    recipe = await recipe_of(tmp_path, files)
    assert (recipe.pack, recipe.dockerfile) == ("dockerfile", text)
    assert (recipe.port, recipe.interface_auth, recipe.command) == DOCKERFILES[text]
    assert (recipe.source_path, recipe.files) == ("", {})


BINDERS = "ARG NB_USER=me\nARG NB_UID\nENV USER ${NB_USER}\nENV HOME /home/${NB_USER}\n"


@pytest.mark.parametrize(
    ("lines", "directory"),
    [
        ("WORKDIR /srv/work\n", "/srv/work"),
        ("WORKDIR /srv\nWORKDIR work/\n", "/srv/work"),
        (f"{BINDERS}COPY . ${{HOME}}\nWORKDIR ${{HOME}}\n", "/home/jovyan"),
        ("WORKDIR /srv\nFROM b\n", ""),
        # These depend on the base image.
        ("WORKDIR work\n", ""),
        ("WORKDIR $HOME\n", ""),
        ("WORKDIR /srv/$WHERE\n", ""),
        ("WORKDIR /srv\nWORKDIR $HOME\n", ""),
    ],
)
async def test_jupyter_begins_where_a_dockerfile_has_led(
    tmp_path: Path, lines: str, directory: str
) -> None:
    recipe = await recipe_of(tmp_path, {"Dockerfile": f"FROM a\n{lines}"})
    place = (f"--notebook-dir={directory}",) if directory else ()
    assert recipe.command == (*JUPYTER, *place)


async def test_arguments_of_binder_that_a_dockerfile_declares(tmp_path: Path) -> None:
    text = 'FROM a\nARG NB_USER=me\nARG NB_UID\nENV QUOTE="\n'
    recipe = await recipe_of(tmp_path, {"binder/Dockerfile": text, "Dockerfile": "FROM b\n"})
    assert recipe.build_args == {"NB_USER": "jovyan", "NB_UID": "1000"}
    assert (recipe.dockerfile_path, recipe.dockerfile) == ("binder/Dockerfile", text)


async def test_a_dockerfile_without_a_beginning(tmp_path: Path) -> None:
    assert "names no image to begin FROM" in await refusal(tmp_path, {"Dockerfile": "RUN x\n"})


async def test_dockerfiles_where_they_are_not_used(tmp_path: Path) -> None:
    text = await refusal(tmp_path, {"Dockerfile": "FROM a\n"}, buildpacks=["repo2docker"])
    assert text == "Images are not made of Dockerfiles here."


async def test_a_site_that_uses_dockerfiles_alone(tmp_path: Path) -> None:
    text = await refusal(tmp_path, {"requirements.txt": ""}, buildpacks=["dockerfile"])
    assert "images are made of nothing else" in text


# --- the context ---------------------------------------------------------------------------------


async def test_the_context_of_a_recipe(tmp_path: Path) -> None:
    checkout, context = tmp_path / "checkout", tmp_path / "context"
    context.mkdir()
    files = {"requirements.txt": "numpy", "Dockerfile.old": "x", "start": "#!/bin/sh\n"}
    write(checkout, {**files, ".hidden/a": "a"})
    (checkout / "link").symlink_to("requirements.txt")
    os.utime(checkout, (1_000_000, 1_000_000))
    recipe = await make_recipe(checkout, SETTINGS)
    write_context(recipe, checkout, context)
    assert sorted(path.name for path in (context / "src").iterdir()) == sorted(
        [*files, ".hidden", "link"]
    )
    assert (context / "Dockerfile").read_text() == recipe.dockerfile
    # Not that of the repository.
    assert (context / "start").read_bytes() == pip_pack.read_start_script()
    assert os.access(context / "start", os.X_OK)
    assert (context / "start").stat().st_mtime == 1_000_000
    assert list(checkout.iterdir()) == []


async def test_the_context_of_a_dockerfile_is_the_repository(tmp_path: Path) -> None:
    checkout, context = tmp_path / "checkout", tmp_path / "context"
    context.mkdir()
    write(checkout, {"sub/a": "a"})
    (checkout / "Dockerfile").symlink_to("sub/a")
    write(checkout, {"sub/a": "FROM x\n"})
    recipe = await make_recipe(checkout, SETTINGS)
    write_context(recipe, checkout, context)
    assert (context / "Dockerfile").is_symlink()
    assert (context / "sub/a").read_text() == recipe.dockerfile == "FROM x\n"


# --- repo2docker ---------------------------------------------------------------------------------


@pytest.mark.system
async def test_conda_is_rendered_by_repo2docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rendered only: its channels can't be reached from everywhere."""
    monkeypatch.setenv("SECRET_OF_THE_SERVICE", "secret")
    settings = RecipeSettings(repo2docker_base_image="site/base:2")
    recipe = await make_recipe(REPOSITORIES / "conda", settings)
    assert (recipe.pack, recipe.source_path) == ("repo2docker", "src")
    assert recipe.version == f"{repo2docker_pack.version()}-conda"
    assert recipe.dockerfile.lstrip().startswith("FROM site/base:2\n")
    assert recipe.base_image == "site/base:2"
    assert "environment.yml" in recipe.dockerfile
    assert "--chmod" not in recipe.dockerfile
    copied = {
        line.split()[-2].lstrip("/")
        for line in recipe.dockerfile.splitlines()
        if line.startswith("COPY") and "src/" not in line
    }
    assert copied == set(recipe.files)
    assert recipe.files["repo2docker-entrypoint"].startswith(b"#!")
    assert recipe.build_args == {"NB_USER": "jovyan", "NB_UID": "1000"}
    assert (recipe.port, recipe.interface_auth) == (8888, "jupyter")
    assert "secret" not in recipe.dockerfile


@pytest.mark.system
async def test_another_python_is_repo2dockers(tmp_path: Path) -> None:
    recipe = await recipe_of(
        tmp_path, {"runtime.txt": "python-3.12"}, buildpacks=["pip", "repo2docker"]
    )
    assert recipe.version.endswith("-python")
    assert any("2d3-2e12" in name for name in recipe.files), recipe.files.keys()


BROKEN = {
    "a tag of YAML that makes objects": {"environment.yml": "!!python/object/apply:os.getpid []\n"},
    "no document": {"environment.yml": "- 1\n"},
    "nesting without end": {"environment.yml": "[" * 200_000},
}


@pytest.mark.system
@pytest.mark.parametrize("name", BROKEN)
async def test_what_repo2docker_can_not_read(tmp_path: Path, name: str) -> None:
    text = await refusal(tmp_path, BROKEN[name], buildpacks=["repo2docker"])
    assert text.startswith("repo2docker")


async def test_where_repo2docker_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repo2docker_pack, "version", lambda: "")
    with pytest.raises(RecipeRefused, match=r"needs conda \(environment.yml\)"):
        await make_recipe(REPOSITORIES / "conda", RecipeSettings())
