"""The build pack for repositories that have a Dockerfile."""

import posixpath
import re
import shlex

from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe_files import BuildFiles
from rosetta_hub.builds.recipe_types import BINDER_ARGUMENTS, JUPYTER_PORT, Recipe

VERSION = "2"
# What Binder starts in every image, whatever its Dockerfile says.
BINDER_COMMAND = ("jupyter", "notebook", "--ip=0.0.0.0", f"--port={JUPYTER_PORT}")

_VARIABLE = re.compile(r"\$\{?(\w+)(?::-([^}]*))?\}?")


def recognises(files: BuildFiles) -> bool:
    """Whether the repository has a Dockerfile where Binder looks for it."""
    return files.has("Dockerfile")


def make_recipe(files: BuildFiles) -> Recipe:
    """The repository's own Dockerfile, and how what it makes is reached.

    An image that exposes a port and says what to start is a web application on that port. Any other
    is started as Binder does it, with Jupyter.

    Raises:
        RecipeRefused: it has no FROM.
    """
    text = files.read("Dockerfile")
    stage = _read_stage(text)
    is_jupyter = stage.port in (None, JUPYTER_PORT)
    is_own = stage.starts and stage.port is not None
    arguments = {key: value for key, value in BINDER_ARGUMENTS.items() if key in stage.arguments}
    # On clusters, tasks begin in a home of their own, not where the Dockerfile has led.
    place = (f"--notebook-dir={stage.directory}",) if stage.directory else ()
    return Recipe(
        "dockerfile",
        VERSION,
        text,
        dockerfile_path=files.path("Dockerfile"),
        build_args=arguments,
        port=stage.port or JUPYTER_PORT,
        interface_auth="jupyter" if is_jupyter else "none",
        command=() if is_own else (*BINDER_COMMAND, *place),
    )


class _Stage:
    """What the last stage of a Dockerfile says, and all arguments that are declared."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.starts = False
        self.directory = ""
        self.arguments: dict[str, str] = {}
        self.is_begun = False

    def read(self, instruction: str, rest: str) -> None:
        """Take an instruction into account."""
        if instruction == "FROM":
            self.is_begun, self.port, self.starts, self.directory = True, None, False, ""
        elif instruction in ("CMD", "ENTRYPOINT"):
            self.starts = True
        elif instruction in ("ARG", "ENV"):
            self._assign(instruction, rest)
        elif instruction == "WORKDIR":
            self._enter(rest.strip("\"'"))
        elif instruction == "EXPOSE" and self.port is None:
            self.port = self._port(rest)

    def _assign(self, instruction: str, rest: str) -> None:
        try:
            words = shlex.split(rest)
        except ValueError:
            return
        if instruction == "ENV" and words and "=" not in words[0]:
            # The old spelling: `ENV name value`.
            words = [f"{words[0]}={' '.join(words[1:])}"]
        for word in words:
            name, _, value = word.partition("=")
            if instruction == "ARG":
                value = BINDER_ARGUMENTS.get(name) or value or self.arguments.get(name, "")
            self.arguments[name] = self._expand(value)

    def _expand(self, text: str) -> str:
        return _VARIABLE.sub(self._value, text)

    def _value(self, variable: re.Match[str]) -> str:
        return self.arguments.get(variable[1]) or variable[2] or ""

    def _enter(self, path: str) -> None:
        """Take a WORKDIR into account; none is known where it depends on the base image."""
        is_known = all(self._value(variable) for variable in _VARIABLE.finditer(path))
        path = posixpath.join(self.directory, self._expand(path))
        self.directory = posixpath.normpath(path) if is_known and path.startswith("/") else ""

    def _port(self, rest: str) -> int | None:
        """The first TCP port of an EXPOSE."""
        text = self._expand(rest)
        for word in text.split():
            number, _, protocol = word.partition("/")
            first = number.partition("-")[0]
            is_port = first.isascii() and first.isdigit() and len(first) < 6
            if is_port and protocol in ("", "tcp") and 0 < int(first) < 1 << 16:
                return int(first)
        return None


def _read_stage(text: str) -> _Stage:
    stage = _Stage()
    # Of https://docs.docker.com/reference/dockerfile/: comments are no part of a continued line.
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\[ \t]*\n", " ", "\n".join(lines)).splitlines():
        instruction, _, rest = line.strip().partition(" ")
        stage.read(instruction.upper(), rest.strip())
    if not stage.is_begun:
        raise RecipeRefused("The Dockerfile names no image to begin FROM.")
    return stage
