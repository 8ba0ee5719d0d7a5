"""The build pack for repositories that have a Dockerfile."""

import re
import shlex

from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe_files import BuildFiles
from rosetta_hub.builds.recipe_types import BINDER_ARGUMENTS, JUPYTER_PORT, Recipe

VERSION = "1"
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
    return Recipe(
        "dockerfile",
        VERSION,
        text,
        dockerfile_path=files.path("Dockerfile"),
        build_args=arguments,
        port=stage.port or JUPYTER_PORT,
        interface_auth="jupyter" if is_jupyter else "none",
        command=() if is_own else BINDER_COMMAND,
    )


class _Stage:
    """What the last stage of a Dockerfile says, and all arguments that are declared."""

    def __init__(self) -> None:
        self.port: int | None = None
        self.starts = False
        self.arguments: dict[str, str] = {}
        self.is_begun = False

    def read(self, instruction: str, rest: str) -> None:
        """Take an instruction into account."""
        if instruction == "FROM":
            self.is_begun, self.port, self.starts = True, None, False
        elif instruction in ("CMD", "ENTRYPOINT"):
            self.starts = True
        elif instruction in ("ARG", "ENV"):
            self._assign(rest)
        elif instruction == "EXPOSE" and self.port is None:
            self.port = self._port(rest)

    def _assign(self, rest: str) -> None:
        try:
            words = shlex.split(rest)
        except ValueError:
            return
        for word in words:
            name, _, value = word.partition("=")
            self.arguments[name] = value

    def _port(self, rest: str) -> int | None:
        """The first TCP port of an EXPOSE."""
        text = _VARIABLE.sub(lambda found: self.arguments.get(found[1]) or found[2] or "", rest)
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
