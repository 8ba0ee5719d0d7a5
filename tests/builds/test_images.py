"""Images of the repositories in tests/repos, built as the recipes say, with a real engine.

How the machine reaches its package indexes is part of its own configuration: pip.conf and the
certificates are files of the site here.
"""

import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rosetta_hub.builds.recipe import Recipe, make_recipe, write_context
from rosetta_hub.builds.recipe_settings import RecipeSettings
from tests.support.eventually import until
from tests.support.git_server import REPOSITORIES

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

BASE = "rosetta/debian:bookworm"
TOKEN = "0123456789abcdef"
PIP_VARIABLES = ("index-url", "extra-index-url", "trusted-host")


@pytest.fixture
def settings(tmp_path: Path, base_containers: dict[str, str]) -> RecipeSettings:
    """With the machine's own package indexes. `base_containers` are made on the same Debian."""
    assert base_containers
    lines = [
        f"{name} = {value}\n"
        for name in PIP_VARIABLES
        if (value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"))
    ]
    certificates = (
        ssl.get_default_verify_paths().cafile or ssl.get_default_verify_paths().openssl_cafile
    )
    path = tmp_path / "pip.conf"
    path.write_text("".join(["[global]\n", "cert = /etc/site-certificates.pem\n", *lines]))
    files = {"/etc/pip.conf": str(path), "/etc/site-certificates.pem": certificates}
    return RecipeSettings.model_validate({"base_image": BASE, "image_files": files})


async def build(name: str, settings: RecipeSettings, folder: Path) -> tuple[str, Recipe]:
    """Build the image of a repository; the engine's cache has what is the same in all of them."""
    checkout, context = folder / "checkout", folder / "context"
    shutil.copytree(REPOSITORIES / name, checkout)
    os.utime(checkout, (1767225600, 1767225600))
    context.mkdir()
    recipe = await make_recipe(checkout, settings)
    write_context(recipe, checkout, context)
    image = f"rosetta-test/repository-{name}"
    arguments = [
        part for item in recipe.build_args.items() for part in ("--build-arg", "=".join(item))
    ]
    command = ["docker", "build", "--network=host", f"--file={context / recipe.dockerfile_path}"]
    process = subprocess.run(
        [*command, *arguments, "--tag", image, context],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=580,
    )
    assert process.returncode == 0, process.stdout[-3000:]
    return image, recipe


@contextmanager
def running(image: str, port: int, *options: str) -> Iterator[tuple[str, str]]:
    """Start a container: its id, and its address on the loopback network."""
    command = ["docker", "run", "--detach", f"--publish=127.0.0.1::{port}", *options, image]
    container = output(command).strip()
    try:
        address = output(["docker", "port", container, str(port)]).split()[0]
        yield container, f"http://{address}"
    finally:
        output(["docker", "rm", "--force", container])


def output(command: list[str]) -> str:
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout


def fetch(url: str) -> bytes:
    """The answer of an address; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            data = response.read()
            assert isinstance(data, bytes)
            return data
    except OSError:
        return b""


def names(url: str) -> set[str]:
    """The files that a Jupyter server shows."""
    listing = fetch(f"{url}/api/contents?token={TOKEN}")
    return {item["name"] for item in json.loads(listing)["content"]}


async def test_all_build_files(settings: RecipeSettings, tmp_path: Path) -> None:
    image, recipe = await build("complete", settings, tmp_path)
    with running(image, recipe.port, "--env", f"JUPYTER_TOKEN={TOKEN}") as (container, url):
        await until(lambda: fetch(f"{url}/api"))
        assert names(url) == {"binder", "built.txt", "data.txt"}
        # Without the token nothing is shown.
        assert not fetch(f"{url}/api/contents")
        result = output(["docker", "exec", container, "cat", "/home/jovyan/built.txt"])
        assert result.startswith("file-")
        assert result.endswith("\n1000\n")
        assert "GREETING=hello" in output(["docker", "exec", container, "cat", "/proc/1/environ"])
        # The pages that links open.
        for page in ("lab/tree/data.txt", "doc/tree/data.txt", "tree/binder"):
            assert b"jupyter-config-data" in fetch(f"{url}/{page}?token={TOKEN}"), page


async def test_a_notebook_runs(settings: RecipeSettings, tmp_path: Path) -> None:
    image, recipe = await build("requirements", settings, tmp_path)
    command = ["jupyter", "nbconvert", "--to=notebook", "--execute", "--stdout", "index.ipynb"]
    notebook = json.loads(output(["docker", "run", "--rm", image, *command]))
    assert "42" in notebook["cells"][0]["outputs"][0]["text"][1]
    # As on a cluster: any account, nothing of the image can be written, and another port.
    options = ["--user=12345", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--env=HOME=/none"]
    options += ["--env=BASE_PORT=9009", f"--env=JUPYTER_TOKEN={TOKEN}"]
    with running(image, 9009, *options) as (container, url):
        await until(lambda: fetch(f"{url}/api"))
        assert names(url) == {"index.ipynb", "requirements.txt"}
        script = 'test "$(id -u)" = 12345 && cd "$(readlink /proc/1/cwd)" && touch new'
        output(["docker", "exec", container, "sh", "-c", script])
    assert recipe.port == 8888


async def test_a_package_of_its_own(settings: RecipeSettings, tmp_path: Path) -> None:
    image, _ = await build("pyproject", settings, tmp_path)
    script = "import example_package, tabulate; print(example_package.ANSWER)"
    command = ["docker", "run", "--rm", "--workdir=/", image, "python3", "-c", script]
    assert output(command) == "42\n"


async def test_a_web_application(settings: RecipeSettings, tmp_path: Path) -> None:
    image, recipe = await build("web-app", settings, tmp_path)
    assert (recipe.port, recipe.interface_auth, recipe.command) == (8050, "none", ())
    with running(image, recipe.port) as (_, url):
        await until(lambda: fetch(url))
        assert b"An application from a repository" in fetch(url)
