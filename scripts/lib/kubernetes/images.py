"""Images of one static program each, as archives: images.py DIRECTORY.

No registry is needed for them: they are imported into the node's containerd.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
PASSWD = b"root:x:0:0::/:/app\nuser:x:1000:1000::/tmp:/app\n"


def add_file(archive: tarfile.TarFile, path: str, data: bytes, mode: int = 0o644) -> None:
    """One file of an archive."""
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(data), mode
    archive.addfile(info, io.BytesIO(data))


def build_layer(program: bytes) -> bytes:
    """The whole file system of an image."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for folder, mode in (("tmp", 0o1777), ("etc", 0o755)):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, mode
            archive.addfile(info)
        add_file(archive, "etc/passwd", PASSWD)
        add_file(archive, "app", program, 0o755)
    return layer.getvalue()


def write_archive(program: bytes, name: str, path: Path) -> None:
    """An image in the format of `docker save`."""
    layer = build_layer(program)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/app"], "Env": ["PATH=/"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()],
            },
            "history": [],
        }
    ).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        add_file(archive, "layer.tar", layer)
        add_file(archive, config_name, config)
        add_file(archive, "manifest.json", json.dumps(manifest).encode())


def build_program(name: str, folder: Path) -> bytes:
    """The static program of a Go file beside this one."""
    output = folder / name
    # No modules are fetched: the programs need the standard library alone.
    environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off"}
    command = ["go", "build", "-ldflags", "-s -w", "-o", str(output), str(HERE / f"{name}.go")]
    subprocess.run(command, check=True, env=environment)
    return output.read_bytes()


def main() -> None:
    """Write both images."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("pause", "web"):
        program = build_program(name, folder)
        write_archive(program, f"localhost/rosetta-test/{name}:1", folder / f"{name}.tar")


if __name__ == "__main__":
    main()
