"""What users mean by the name of an image."""

import pytest

from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.references import parse_reference

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("jupyter/base-notebook", "docker.io/jupyter/base-notebook:latest"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        ("index.docker.io/org/app:1", "docker.io/org/app:1"),
        ("docker://ghcr.io/org/app:1.2", "ghcr.io/org/app:1.2"),
        (" ghcr.io/org/app ", "ghcr.io/org/app:latest"),
        ("GHCR.io/org/app", "ghcr.io/org/app:latest"),
        ("registry.example.org:5000/a/b/c:x", "registry.example.org:5000/a/b/c:x"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:2", "localhost:5000/app:2"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        (f"ghcr.io/org/app@{DIGEST}", f"ghcr.io/org/app@{DIGEST}"),
        (f"ghcr.io/org/app:1.2@{DIGEST}", f"ghcr.io/org/app:1.2@{DIGEST}"),
    ],
)
def test_names_mean_what_docker_takes_them_for(text: str, value: str) -> None:
    assert str(parse_reference(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://ghcr.io/org/app",
        "org/app:",
        "ghcr.io/",
        "ghcr.io//app",
        "Org/App",
        "ghcr.io/org/../app",
        "ghcr.io/org/app@sha256:12",
        f"ghcr.io/org/app@sha512:{'0' * 128}",
        "-ghcr.io/app",
        "--privileged",
        "ghcr.io/org/<img src=x onerror=alert(1)>",
        "ghcr.io/org/a\nb",
        "ghcr.io@evil.example/app",
        "user:secret@ghcr.io/org/app",
        "ghcr.io:99999999/app",
        "a/" * 300,
        "ghcr.io/" + "a" * 300,
    ],
)
def test_everything_else_is_refused_before_anybody_is_asked(text: str) -> None:
    with pytest.raises(RegistryRefused) as error:
        parse_reference(text)
    assert error.value.reason == "invalid_reference"
    assert error.value.status == 422
    assert "<" not in str(error.value)
