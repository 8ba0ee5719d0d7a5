"""What an engine is given of an account at a registry, and what stays of it: nothing."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rosetta_agent.engines import docker_cli, images
from rosetta_agent.engines.docker import Docker
from rosetta_agent.engines.failure_causes import pull_failure
from rosetta_agent.engines.podman import Podman
from rosetta_agent.errors import Cancelled
from rosetta_agent.registry_access import (
    AccessFiles,
    RegistryAccess,
    access_files,
    build_config,
    fetch_access,
    memory_file,
    parse_access,
)
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import Image

from .fake import FakeService
from .machine import files_in_memory
from .specs import full_job

PASSWORD = "secret of ada: ü"
ACCESS = RegistryAccess("r.org:5000", "ada", PASSWORD, certificates="PEM", scope="abc")
READ = "import sys; print(open(sys.argv[1], encoding='utf-8').read())"


def read_by_a_child(path: str, descriptors: tuple[int, ...]) -> str:
    argv = [sys.executable, "-c", READ, path]
    return subprocess.run(
        argv, pass_fds=descriptors, capture_output=True, text=True, check=True
    ).stdout.strip()


def account_in(config: str, key: str) -> str:
    return base64.b64decode(json.loads(config)["auths"][key]["auth"]).decode()


def test_the_engine_reads_files_that_have_no_name(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    before = files_in_memory()
    with access_files(str(folder), ACCESS, closed=False) as files:
        assert files.config is not None
        assert files.authority == str(folder / "ca.crt")
        config = read_by_a_child(files.config, files.descriptors)
        assert account_in(config, "r.org:5000") == f"ada:{PASSWORD}"
        assert read_by_a_child(files.authority, files.descriptors) == "PEM"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert all(path.is_symlink() for path in folder.iterdir())
        assert files_in_memory() <= before
    assert not folder.exists()


def test_without_an_account_the_machines_own_logins_count_unless_closed(tmp_path: Path) -> None:
    folder = str(tmp_path / "registry")
    with access_files(folder, RegistryAccess(), closed=False) as files:
        assert (files.config, files.authority, files.descriptors) == (None, None, ())
    with access_files(folder, RegistryAccess(), closed=True) as files:
        assert files.config is not None
        assert json.loads(read_by_a_child(files.config, files.descriptors)) == {"auths": {}}


def test_the_context_of_dockers_client_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text('{"currentContext": "rootless", "auths": {"r": {}}}')
    (own / "contexts").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(own))
    with access_files(str(tmp_path / "registry"), ACCESS, closed=False) as files:
        assert files.config is not None
        document = json.loads(read_by_a_child(files.config, files.descriptors))
        assert document["currentContext"] == "rootless"
        assert list(document["auths"]) == ["r.org:5000"]
        assert (Path(files.folder) / "contexts").resolve() == own / "contexts"
    assert (own / "contexts").is_dir()


def test_docker_hub_has_a_name_for_each_engine() -> None:
    config = build_config(RegistryAccess("docker.io", "ada", "x")).decode()
    assert account_in(config, "docker.io") == account_in(config, "https://index.docker.io/v1/")


def test_nobody_shows_the_password() -> None:
    assert PASSWORD not in repr(ACCESS)
    assert PASSWORD not in f"{ACCESS}"


def test_a_memory_file_belongs_to_nobody_else() -> None:
    descriptor = memory_file(b"x")
    assert os.fstat(descriptor).st_mode & 0o777 == 0o600
    assert os.fstat(descriptor).st_nlink == 0
    os.close(descriptor)


# --- asking the service --------------------------------------------------------------------------


def test_the_service_is_asked_until_it_answers(service: FakeService) -> None:
    service.status = 503
    service.access |= {"host": "r.org", "account": "ada", "password": "x", "scope": "s"}
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        service.status = 200 if len(waits) == 2 else 503
        return False

    spec = full_job(report_url=service.url, secret="hidden")
    access = fetch_access(spec, wait)
    assert (access.host, access.account, access.password, access.scope) == (
        "r.org",
        "ada",
        "x",
        "s",
    )
    assert len(waits) == 2
    assert service.credentials == {"Bearer hidden"}


def test_who_is_stopped_waits_no_longer(service: FakeService) -> None:
    service.status = 403
    with pytest.raises(Cancelled):
        fetch_access(full_job(report_url=service.url), lambda _seconds: True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"host": "r.org"}', b"\xff"])
def test_what_is_no_answer_is_none(body: bytes) -> None:
    assert parse_access(body) is None


# --- the engines' command lines ------------------------------------------------------------------

FILES = AccessFiles("/s/registry", (7, 8), "/s/registry/config.json", "/s/registry/ca.crt")
IMAGE = Image("r.org/x:1", None, "missing", None)


def test_docker_is_given_a_directory(tmp_path: Path) -> None:
    spec = full_job(work_dir=str(tmp_path))
    docker = Docker(spec.attempt, Sandbox(spec.attempt))
    argv = docker_cli.build_pull_command(docker.with_access(docker.client(), FILES), IMAGE)
    assert argv == ["docker", "--config", "/s/registry", "pull", "r.org/x:1"]


@pytest.mark.parametrize(
    ("files", "remote", "options"),
    [
        (FILES, "", ["--authfile", "/s/registry/config.json", "--cert-dir", "/s/registry"]),
        (FILES, "ssh://host", ["--authfile", "/s/registry/config.json"]),
        (AccessFiles("/s/registry", (), plain_http=True), "", ["--tls-verify=false"]),
        (AccessFiles("/s/registry", ()), "", []),
    ],
)
def test_podman_is_given_files(
    files: AccessFiles,
    remote: str,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", remote)
    spec = full_job(work_dir=str(tmp_path), engine="podman")
    podman = Podman(spec.attempt, Sandbox(spec.attempt))
    client = docker_cli.Client("podman", "k8s-file")
    argv = docker_cli.build_pull_command(podman.with_access(client, files), IMAGE)
    assert argv == ["podman", "pull", *options, "r.org/x:1"]


def test_apptainer_is_given_a_file_and_certificates() -> None:
    argv = images.build_pull_command("apptainer", IMAGE, "/t.sif", "/s/config.json")
    assert argv[:5] == ["apptainer", "pull", "--disable-cache", "--authfile", "/s/config.json"]
    trusting = images.build_pull_environment(IMAGE, "/s", "/s/ca.crt")
    assert trusting["SSL_CERT_FILE"] == "/s/ca.crt"
    assert "APPTAINER_NOHTTPS" not in trusting
    near = Image("localhost:5000/x", None, "missing", None)
    assert "APPTAINER_NOHTTPS" not in images.build_pull_environment(near, "/s", "/s/ca.crt")
    plain = images.build_pull_environment(IMAGE, "/s", None, plain_http=True)
    assert plain["APPTAINER_NOHTTPS"] == plain["SINGULARITY_NOHTTPS"] == "true"


def test_an_old_singularity_is_known_by_its_help(tmp_path: Path) -> None:
    program = tmp_path / "singularity"
    program.write_text("#!/bin/sh\necho '  --authfile string'\n")
    program.chmod(0o755)
    assert images.takes_account(str(program))
    program.write_text("#!/bin/sh\necho '  --docker-login'\n")
    assert not images.takes_account(str(program))


def test_images_of_a_scope_are_files_of_their_own() -> None:
    names = {images.cache_name(IMAGE, 0, scope) for scope in ("", "one", "two")}
    pinned = IMAGE._replace(digest="sha256:" + "a" * 64)
    names |= {images.cache_name(pinned, 0, scope) for scope in ("", "one", "two")}
    assert len(names) == 6


@pytest.mark.parametrize(
    ("text", "has_account", "reason"),
    [
        ("unauthorized: authentication required", True, "registry_denied"),
        ("unauthorized: authentication required", False, "registry_login"),
        ("no basic auth credentials", False, "registry_login"),
        ("toomanyrequests: You have reached your pull rate limit", False, "registry_limit"),
        ("manifest unknown", False, "image_not_found"),
    ],
)
def test_a_denial_without_an_account_is_a_want_of_one(
    text: str, has_account: bool, reason: str
) -> None:
    assert pull_failure("Docker", "r.org/x", text, has_account).reason == reason
