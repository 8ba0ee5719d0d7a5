"""What build packs make: the recipe of an image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rosetta_hub.builds.recipe_settings import PackName

JUPYTER_PORT = 8888
# The user of Binder's images, and what its Dockerfiles are told.
USER = "jovyan"
UID = 1000
BINDER_ARGUMENTS = {"NB_USER": USER, "NB_UID": str(UID)}


@dataclass(frozen=True)
class Recipe:
    """How an image is made, and how what it starts is reached.

    `write_context` lays the files out: `source_path` is where the repository goes, relative to the
    context ("" = the context itself), `files` are added to it. `dockerfile` is written to
    `dockerfile_path`, relative to the context, for the engine's option `--file`. `base_image` is
    empty where the repository's own Dockerfile names it. `version` changes whenever the same files
    would give another Dockerfile. An empty `command` means that of the image.
    """

    pack: PackName
    version: str
    dockerfile: str
    base_image: str = ""
    dockerfile_path: str = "Dockerfile"
    source_path: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    build_args: Mapping[str, str] = field(default_factory=dict)
    port: int = JUPYTER_PORT
    interface_auth: Literal["jupyter", "none"] = "none"
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
