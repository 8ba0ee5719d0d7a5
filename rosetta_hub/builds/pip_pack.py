"""The build pack of our own: Debian or Ubuntu, a virtual environment, and what pip installs.

It reads the same files as Binder (https://mybinder.readthedocs.io/en/latest/using/config_files.html):
requirements.txt, or pyproject.toml and setup.py at the top, and apt.txt, runtime.txt, postBuild and
start. Layers go from what changes least to what changes most, so that an engine's cache has those
of the last build.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe_files import BuildFiles
from rosetta_hub.builds.recipe_settings import RecipeSettings
from rosetta_hub.builds.recipe_types import JUPYTER_PORT, UID, USER, Recipe

VERSION = "1"
SOURCE = "src"
REPO_DIR = f"/home/{USER}"
ENVIRONMENT = "/opt/venv"

# Build files that need something else than pip.
FOREIGN = {
    "environment.yml": "conda",
    "environment.yaml": "conda",
    "Pipfile": "pipenv",
    "Pipfile.lock": "pipenv",
    "install.R": "R",
    "Project.toml": "Julia",
    "JuliaProject.toml": "Julia",
    "REQUIRE": "Julia",
    "default.nix": "Nix",
}
_APT_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]*(=[A-Za-z0-9.+~:-]+)?")
_RUNTIME = re.compile(r"python-?(\d+(?:\.\d+)*)?")
# Requirements that are files of the repository, or options that name some.
_LOCAL = re.compile(r"^(-r|-c|-e|--requirement|--constraint|--editable|\.|/)|file:|^[^#]*@\s*\.")
_PLAIN_REQUIREMENT = re.compile(r"[A-Za-z0-9][^\n\r\\$`]*")

_HEADER = """\
FROM {base}
USER root
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
"""
_SITE = """\
COPY site/ /
RUN if command -v update-ca-certificates >/dev/null; then update-ca-certificates; fi
"""
_SYSTEM = """\
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \\
 && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN if ! getent passwd {uid} >/dev/null; then \\
      useradd --uid {uid} --create-home --shell /bin/bash {user}; \\
    fi \\
 && mkdir -p {environment} {repo_dir} && chown {uid}:{uid} {environment} {repo_dir}
USER {uid}
ENV HOME={repo_dir} REPO_DIR={repo_dir} PATH={environment}/bin:{repo_dir}/.local/bin:$PATH
WORKDIR {repo_dir}
RUN python3 -m venv {environment} \\
 && pip install --no-cache-dir --disable-pip-version-check jupyterlab notebook
"""
_APT = """\
USER root
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends {packages} \\
 && apt-get clean && rm -rf /var/lib/apt/lists/*
USER {uid}
"""
_REQUIREMENTS = """\
COPY {path} /tmp/requirements.txt
RUN pip install --no-cache-dir --disable-pip-version-check -r /tmp/requirements.txt
"""
_COPY = "COPY --chown={uid}:{uid} {source}/ {repo_dir}/\n"
_INSTALL = "RUN pip install --no-cache-dir --disable-pip-version-check {what}\n"
_POST_BUILD = 'RUN chmod +x "{path}" && "./{path}"\n'
_START = 'RUN chmod +x "{path}"\nENV REPO_START="{path}"\n'
_FOOTER = """\
COPY start /opt/rosetta/start
EXPOSE {port}
ENTRYPOINT ["/opt/rosetta/start"]
"""


def recognises(files: BuildFiles, settings: RecipeSettings) -> bool:
    """Whether pip alone can make what the repository asks for; also where it asks for nothing."""
    return not foreign_needs(files) and _has_python(files, settings)


def foreign_needs(files: BuildFiles) -> str:
    """What the repository needs besides pip, as in `conda (environment.yml)`; empty: nothing."""
    for name, need in FOREIGN.items():
        if files.has(name):
            return f"{need} ({files.path(name)})"
    runtime = files.read("runtime.txt").strip()
    if runtime.startswith("r-") or files.has_at_top("DESCRIPTION"):
        return f"R ({files.path('runtime.txt') if runtime else 'DESCRIPTION'})"
    return ""


def _has_python(files: BuildFiles, settings: RecipeSettings) -> bool:
    text = files.read("runtime.txt").strip()
    match = _RUNTIME.fullmatch(text)
    if not text or match is None:
        return not text
    # `python-3` is any of them; of `python-3.11.4` the third number is not chosen here.
    version, ours = (match[1] or "").split("."), settings.base_python.split(".")
    length = min(len(ours), len(version))
    return not match[1] or version[:length] == ours[:length]


def wrong_python(files: BuildFiles, settings: RecipeSettings) -> RecipeRefused:
    """What the user is told where runtime.txt asks for another Python."""
    version = files.read("runtime.txt").strip()[:40]
    return RecipeRefused(
        f"{files.path('runtime.txt')} asks for {version!r}, but images are made with Python"
        f" {settings.base_python} here. Remove the file, or write python-{settings.base_python}."
    )


def make_recipe(files: BuildFiles, settings: RecipeSettings) -> Recipe:
    """The Dockerfile for a repository that pip can install.

    Raises:
        RecipeRefused: a build file can't be used.
    """
    names = {"uid": UID, "user": USER, "repo_dir": REPO_DIR, "environment": ENVIRONMENT}
    site = {f"site{path}": Path(here).read_bytes() for path, here in settings.image_files.items()}
    python = _read_python(files)
    parts = [_HEADER.format(base=settings.base_image), _SITE if site else ""]
    parts.append(_SYSTEM.format(**names))
    if packages := read_apt(files):
        parts.append(_APT.format(packages=" ".join(packages), uid=UID))
    parts.append(python.before)
    parts.append(_COPY.format(source=SOURCE, **names))
    parts.append(python.after)
    if files.has("postBuild"):
        parts.append(_POST_BUILD.format(path=files.path("postBuild")))
    if files.has("start"):
        parts.append(_START.format(path=files.path("start")))
    parts.append(_FOOTER.format(port=JUPYTER_PORT))
    return Recipe(
        "pip",
        version(settings),
        "".join(parts),
        base_image=settings.base_image,
        source_path=SOURCE,
        files={**site, **python.files, "start": read_start_script()},
        interface_auth="jupyter",
        notes=_notes(files, python),
    )


def version(settings: RecipeSettings) -> str:
    """The pack's version, with what the site has added."""
    digest = hashlib.sha256(read_start_script())
    for path, here in sorted(settings.image_files.items()):
        digest.update(f"{path}\0".encode() + Path(here).read_bytes())
    return f"{VERSION}-{settings.base_python}-{digest.hexdigest()[:12]}"


def read_start_script() -> bytes:
    """The script that becomes the server, in the image."""
    return resources.files("rosetta_hub.builds").joinpath("pip_start").read_bytes()


def read_apt(files: BuildFiles) -> list[str]:
    """The packages of apt.txt, sorted.

    Raises:
        RecipeRefused: a line is no name of a package.
    """
    packages = set()
    for line in files.read("apt.txt").splitlines():
        for name in line.partition("#")[0].split():
            if not _APT_PACKAGE.fullmatch(name):
                raise RecipeRefused(
                    f"{files.path('apt.txt')} has {name[:60]!r}, which is no name of a Debian"
                    " package. Write one name a line."
                )
            packages.add(name)
    return sorted(packages)


# --- what pip installs ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Python:
    """Instructions before and after the repository is copied, and files for them."""

    before: str = ""
    after: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


def _read_python(files: BuildFiles) -> _Python:
    if files.has("requirements.txt"):
        path = files.path("requirements.txt")
        lines = files.read("requirements.txt").splitlines()
        if any(_LOCAL.search(line.strip()) for line in lines):
            return _Python(after=_INSTALL.format(what=f"-r {path}"))
        return _Python(before=_REQUIREMENTS.format(path=f"{SOURCE}/{path}"))
    if files.has_at_top("pyproject.toml"):
        return _read_pyproject(files)
    if files.has_at_top("setup.py"):
        return _Python(after=_INSTALL.format(what="."))
    return _Python()


def _read_pyproject(files: BuildFiles) -> _Python:
    """The dependencies first: they change less often than the code."""
    try:
        document = tomllib.loads(files.read("pyproject.toml"))
    except (ValueError, RecursionError) as error:
        raise RecipeRefused(f"pyproject.toml can't be read: {str(error)[:200]}.") from error
    if not {"project", "build-system"} & set(document) and not files.has("setup.py"):
        # It holds the settings of other tools.
        return _Python()
    install = _INSTALL.format(what=".")
    dependencies = _dependencies(document)
    if not dependencies:
        return _Python(after=install)
    text = "".join(f"{line}\n" for line in dependencies)
    name = "dependencies.txt"
    return _Python(_REQUIREMENTS.format(path=name), install, {name: text.encode()})


def _dependencies(document: dict[str, Any]) -> list[str]:
    """Those that pip can install without the repository; none where one of them needs it."""
    project = document.get("project")
    lines = project.get("dependencies") if isinstance(project, dict) else None
    if not isinstance(lines, list):
        return []
    plain = [
        line
        for line in lines
        if isinstance(line, str) and _PLAIN_REQUIREMENT.fullmatch(line) and "file:" not in line
    ]
    return plain if len(plain) == len(lines) else []


def _notes(files: BuildFiles, python: _Python) -> tuple[str, ...]:
    names = ("apt.txt", "runtime.txt", "postBuild", "start")
    if python.before or python.after or any(files.has(name) for name in names):
        return ()
    return ("The repository has no build file: the image has JupyterLab alone.",)
