"""The standalone host, and the engines, which the compute nodes have too."""

import contextlib
import http.client
import ssl
import urllib.parse

import pytest

from tests.support.cluster import Cluster, wait_until

from .conftest import Ssh

ENGINES = {
    "docker": "docker run --rm {image}",
    "docker with runsc": "docker run --rm --runtime=runsc {image}",
    "podman": "podman run --rm {image}",
    "apptainer": "apptainer exec docker://{image}",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_of_the_host(cluster: Cluster, ssh: Ssh, engine: str) -> None:
    image = f"{cluster.registry}/rosetta-test/agent:latest"
    command = ENGINES[engine].format(image=image)
    result = ssh(f"cd /tmp && {command} sh -c 'test -x /bin/serve && uname -r'", user="carol")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("4.4.0") == (engine == "docker with runsc")


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_of_a_node(cluster: Cluster, engine: str) -> None:
    image = f"{cluster.registry}/rosetta-test/agent:latest"
    command = ENGINES[engine].format(image=image).split()
    result = cluster.exec("node1", [*command, "test", "-x", "/bin/serve"], "alice")
    assert result.returncode == 0, result.stderr


def test_docker_limits_memory(cluster: Cluster, ssh: Ssh) -> None:
    image = f"{cluster.registry}/rosetta-test/agent:latest"
    run = f"docker run --rm --memory=64m {image} dd if=/dev/zero of=/dev/null bs=256M count=1"
    assert ssh(run, user="carol").returncode == 137


def test_a_container_of_the_host_is_reached_from_here(cluster: Cluster, ssh: Ssh) -> None:
    address = cluster.standalone.host
    serve = "sh -c 'mkdir /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www'"
    image = f"{cluster.registry}/rosetta-test/agent:latest"
    started = ssh(f"docker run -d --rm -p {address}::80 {image} {serve}", user="carol")
    container = started.stdout.strip()
    assert container, started.stderr
    try:
        port = ssh(f"docker port {container} 80", user="carol").stdout.rpartition(":")[2].strip()
        with contextlib.closing(http.client.HTTPConnection(address, int(port), 10)) as connection:
            wait_until(lambda: _get(connection) == b"hello\n", 10, "it answers")
    finally:
        ssh(f"docker rm -f {container}", user="carol")


def _get(connection: http.client.HTTPConnection) -> bytes:
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    except OSError:
        connection.close()
        return b""


def docker_version(cluster: Cluster, certificate: bool) -> int:
    there = cluster.standalone
    context = ssl.create_default_context(cafile=str(there.ca))
    if certificate:
        context.load_cert_chain(there.certificate, there.key)
    address = urllib.parse.urlsplit(there.docker_url).netloc
    connection = http.client.HTTPSConnection(address, context=context, timeout=20)
    try:
        connection.request("GET", "/version")
        return connection.getresponse().status
    finally:
        connection.close()


def test_docker_answers_to_its_certificate_alone(cluster: Cluster) -> None:
    assert docker_version(cluster, certificate=True) == 200
    with pytest.raises(ssl.SSLError, match="certificate required"):
        docker_version(cluster, certificate=False)


def test_registry_has_the_images(cluster: Cluster) -> None:
    for image in cluster.images:
        name, _, tag = image.partition(":")
        url = f"https://{cluster.registry}/v2/{name}/manifests/{tag}"
        for machine in ("host", "node2"):
            assert cluster.exec(machine, ["curl", "-sfo/dev/null", url]).returncode == 0
