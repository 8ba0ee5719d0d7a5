"""The child process that has repo2docker read a repository; `repo2docker_pack.py` starts it.

    python -I repo2docker_child.py LIMITS BASE_IMAGE     (in the repository's directory)

It imports repo2docker, gives up rights and resources (LIMITS as for `confine.py`), and prints a
JSON document: `pack`, `dockerfile`, `build_args` and `files` (Base64), or `error`. repo2docker's
own engine is not used: it needs Docker's buildx, and keeps nothing when it is interrupted.
"""

import base64
import codecs
import json
import logging
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

BUILD_ARGUMENTS = {"NB_USER": "jovyan", "NB_UID": "1000"}
# Scripts that every Dockerfile of repo2docker copies.
SCRIPTS = ("repo2docker-entrypoint", "python3-login")


def main(order: str, base_image: str) -> int:
    """Print the recipe of the repository in the working directory."""
    # An optional dependency.
    from repo2docker import buildpacks  # noqa: PLC0415
    from repo2docker.app import Repo2Docker  # noqa: PLC0415

    # Jinja's, for texts in templates. The account may not be able to read Python's modules later.
    codecs.lookup("unicode-escape")
    app = Repo2Docker()
    packs, default, platform = app.buildpacks, app.default_buildpack, app.platform
    _confine(order)
    logging.disable()
    try:
        document = _render([*packs, default], base_image or app.base_image, platform, buildpacks)
    except Exception as error:  # noqa: BLE001 - of a library that raises all kinds
        document = {"error": f"{type(error).__name__}: {error}"[:500]}
    json.dump(document, sys.stdout)
    return 0


def _render(packs: list[Any], base_image: str, platform: str, buildpacks: Any) -> dict[str, Any]:
    """The recipe of the first pack that recognises the repository, or else of the last one."""
    candidates = [pack(base_image) for pack in packs]
    pack = next((pack for pack in candidates[:-1] if pack.detect()), candidates[-1])
    pack.platform = platform
    dockerfile = pack.render(BUILD_ARGUMENTS)
    folder = Path(buildpacks.__file__).parent
    files = {name: folder / name for name in SCRIPTS}
    for source in pack.get_build_script_files():
        name, path = pack.generate_build_context_filename(source)
        files[name] = Path(path)
    return {
        "pack": type(pack).__name__.removesuffix("BuildPack").lower(),
        # Only newer builders know the option; the files are executable as they are.
        "dockerfile": dockerfile.replace("COPY --chmod=0755 ", "COPY "),
        "base_image": base_image,
        "build_args": BUILD_ARGUMENTS,
        "files": {
            name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()
        },
    }


def _confine(order: str) -> None:
    """Give up rights and resources: the neighbouring script knows how."""
    path = Path(__file__).with_name("confine.py")
    spec = spec_from_file_location("confine", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.confine(order)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
