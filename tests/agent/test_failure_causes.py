"""Error texts, as the engines really wrote them, become reasons."""

import pytest

from rosetta_agent.engines.failure_causes import engine_failure, last_words, parse_cause
from rosetta_agent.protocol import REASONS

APPTAINER = (
    "FATAL:   While making image from oci registry: error fetching image to cache: "
    "failed to get checksum for docker://"
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        # docker 20.10
        (
            "Error response from daemon: manifest for localhost:5000/x:1 not found: "
            "manifest unknown: manifest unknown",
            "image_not_found",
        ),
        (
            "Error response from daemon: pull access denied for x, repository does not exist or "
            "may require 'docker login': denied: requested access to the resource is denied",
            "registry_denied",
        ),
        (
            'Error response from daemon: Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: '
            "connect: connection refused",
            "registry_unreachable",
        ),
        (
            'Error response from daemon: Get "https://nope.invalid/v2/": dial tcp: lookup '
            "nope.invalid on 10.255.255.53:53: no such host",
            "registry_unreachable",
        ),
        (
            'Error response from daemon: Get "https://r/v2/": unauthorized: '
            "authentication required",
            "registry_denied",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///nonexist. "
            "Is the docker daemon running?",
            "engine_unavailable",
        ),
        ("invalid reference format", "image_not_found"),
        (
            "failed to register layer: Error processing tar file(exit status 1): write /blob: "
            "no space left on device",
            "disk_full",
        ),
        (
            "FATAL: while creating SIF: write /home/alice/x.sif: disk quota exceeded",
            "quota_exceeded",
        ),
        ("docker: Error response from daemon: Unknown runtime specified nosuch", "unsupported"),
        (
            "docker: Error response from daemon: invalid mount config for type "
            '"bind": bind source path does not exist: /nope',
            "unsupported",
        ),
        (
            "no matching manifest for linux/s390x in the manifest list entries",
            "unsupported",
        ),
        # podman 4.3
        (
            "Error: initializing source docker://127.0.0.1:5901/x:1: reading manifest 1 in "
            "127.0.0.1:5901/x: manifest unknown: manifest unknown",
            "image_not_found",
        ),
        (
            "Error: initializing source docker://localhost:1/x:1: pinging container registry "
            'localhost:1: Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: '
            "connection refused",
            "registry_unreachable",
        ),
        (
            'Error: short-name "x" did not resolve to an alias and no unqualified-search '
            'registries are defined in "/etc/containers/registries.conf"',
            "image_not_found",
        ),
        ('Error: default OCI runtime "nosuch" not found: invalid argument', "unsupported"),
        ("Error: statfs /nope: no such file or directory", "unsupported"),
        # apptainer 1.4
        (
            APPTAINER + "127.0.0.1:5901/x:1: reading manifest 1 in 127.0.0.1:5901/x: "
            "manifest unknown",
            "image_not_found",
        ),
        (
            APPTAINER + "localhost:1/x:1: pinging container registry localhost:1: Get "
            '"http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
            "registry_unreachable",
        ),
        (
            APPTAINER + "Bad//name: unable to parse image name docker://Bad//name: "
            "invalid reference format: repository name must be lowercase",
            "image_not_found",
        ),
        ("something else", None),
    ],
)
def test_causes(text: str, reason: str | None) -> None:
    assert parse_cause(text) == reason
    failure = engine_failure("Docker", "x:1", text)
    assert failure.reason == (reason or "internal")
    assert failure.reason in REASONS
    assert failure.message.endswith(".")


def test_last_words_are_plain_lines() -> None:
    text = "\x1b[1A\x1b[2K\rabc: Pulling\r\n\n" + "".join(f"line {n}\r\n" for n in range(20))
    assert last_words(text).splitlines() == [f"line {n}" for n in range(12, 20)]
