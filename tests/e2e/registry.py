"""A real OCI registry on this machine, with the base containers in it."""

import contextlib
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import free_port

from .machines import ROOT

CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
"""


@contextlib.contextmanager
def registry_with_images() -> Iterator[str]:
    """A running registry with the base containers; gives its `host:port`."""
    with empty_registry() as host:
        subprocess.run([ROOT / "docker/build", "--registry", host], check=True)
        yield host


@contextlib.contextmanager
def empty_registry() -> Iterator[str]:
    """A running registry; gives its `host:port`."""
    with tempfile.TemporaryDirectory(prefix="registry") as name:
        port = free_port()
        config = Path(name) / "config.yml"
        config.write_text(CONFIG.format(directory=f"{name}/data", port=port))
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise TimeoutError("the registry does not answer")
