"""A real registry with TLS that only one account may use, on an address of this machine."""

import base64
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.certificates import make_certificate
from tests.support.ports import free_port

ACCOUNT = "ada"
DOCKER_CERTIFICATES = Path("/etc/docker/certs.d")


@dataclass(frozen=True)
class PrivateRegistry:
    """Where it is, and the certificate that it shows, which is its own authority."""

    host: str
    authority: Path
    password: str

    @property
    def secrets(self) -> list[str]:
        """The password, in each way in which it is written down somewhere."""
        pair = f"{ACCOUNT}:{self.password}".encode()
        return [self.password, base64.b64encode(pair).decode()]

    def push(self, image: str, name: str) -> str:
        """Have an image of this machine in the registry, and no longer under that name here."""
        reference = f"{self.host}/{name}"
        with docker_login(self.host, ACCOUNT, self.password) as docker:
            run(["docker", "tag", image, reference])
            run([*docker, "push", "--quiet", reference])
            run(["docker", "rmi", reference])
        return reference


def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program that has to succeed."""
    process = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    assert process.returncode == 0, f"{argv}: {process.stdout}{process.stderr}"
    return process


@contextlib.contextmanager
def docker_login(host: str, account: str, password: str) -> Iterator[list[str]]:
    """The beginning of docker's command line, logged in."""
    with tempfile.TemporaryDirectory() as folder:
        docker = ["docker", "--config", folder]
        run([*docker, "login", "-u", account, "--password-stdin", host], input=password)
        yield docker


@contextlib.contextmanager
def trusted_by_docker(host: str, authority: Path) -> Iterator[None]:
    """Have this machine's Docker daemon trust the registry, as its administrator does."""
    folder = DOCKER_CERTIFICATES / host
    # Tests that were killed may have left one for a port that is used again.
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(authority, folder / "ca.crt")
    try:
        yield
    finally:
        shutil.rmtree(folder)


def build_auth(folder: Path, password: str) -> str:
    """The part of a registry's configuration that lets one account in."""
    # Python has no bcrypt, which registries want.
    program = "chomp($_ = <STDIN>); print crypt($_, q($2y$05$abcdefghijklmnopqrstuu))"
    hashed = run(["perl", "-e", program], input=password).stdout
    (folder / "htpasswd").write_text(f"{ACCOUNT}:{hashed}\n")
    return f"htpasswd: {{realm: test, path: {folder}/htpasswd}}"


@contextlib.contextmanager
def serve_registry(
    folder: Path, address: str, config: str, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run the program with a configuration until it listens, and end it."""
    path = folder / "config.yml"
    path.write_text(config)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", path],
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
    try:
        _wait(address, process)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def private_registry(address: str = "172.17.0.1", *names: str) -> Iterator[PrivateRegistry]:
    """A running registry; the address is docker's own of this machine by default.

    Its certificate is also good for the loopback address, and for these names.
    """
    with tempfile.TemporaryDirectory(prefix="registry") as name:
        folder, host = Path(name), f"{address}:{free_port()}"
        certificate, key = make_certificate(folder, address, "127.0.0.1", *names)
        # Others may be searched for at the same time, on the same machine.
        password = f"password-{secrets.token_hex(12)}"
        config = (
            "version: 0.1\n"
            f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
            f'http: {{addr: "{host}", tls: {{certificate: {certificate}, key: {key}}}}}\n'
            f"auth: {{{build_auth(folder, password)}}}\n"
        )
        with serve_registry(folder, host, config), trusted_by_docker(host, certificate):
            yield PrivateRegistry(host, certificate, password)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as connection:
            if connection.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the registry does not answer")
