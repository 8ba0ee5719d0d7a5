"""Command lines for GPUs, for daemons on other machines, and for leftovers."""

import json

import pytest

from rosetta_agent.access_options import ListenOptions
from rosetta_agent.engines import docker_cli, owners, singularity
from rosetta_agent.engines.docker import has_own_network_stack
from rosetta_agent.errors import SpecError
from rosetta_agent.processes import ProcessId
from rosetta_agent.spec import Gpus, parse_spec, parse_stop_spec

from .specs import full_job, full_order, plain_job

DOCKER = docker_cli.Client("docker", "json-file", docker_cli.NETWORK)
PODMAN = docker_cli.Client("podman", "k8s-file", cdi=True)
HOST = {
    "url": "tcp://10.0.0.7:2376",
    "ca": "/etc/hub/ca.pem",
    "certificate": "/etc/hub/cert.pem",
    "key": "/etc/hub/key.pem",
    "publish_address": "10.0.0.7",
}
PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("client", "gpus", "expected"),
    [
        (DOCKER, None, []),
        (DOCKER, Gpus(2), ["--gpus", "2"]),
        (DOCKER, Gpus(2, ("0", "3")), ["--gpus", '"device=0,3"']),
        (PODMAN, Gpus(2), ["--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=1"]),
        (PODMAN, Gpus(1, ("3",)), ["--device", "nvidia.com/gpu=3"]),
    ],
)
def test_gpus(client: docker_cli.Client, gpus: Gpus | None, expected: list[str]) -> None:
    argv = docker_cli.build_run_command(client, full_job()._replace(gpus=gpus), None, init=False)
    without = docker_cli.build_run_command(client, full_job(), None, init=False)
    begin = argv.index("linux/amd64") + 1
    assert argv[begin : begin + len(expected)] == expected
    assert argv[:begin] + argv[begin + len(expected) :] == without


def test_gpus_of_singularity(monkeypatch: pytest.MonkeyPatch) -> None:
    context = singularity.ContainerContext("apptainer", "/i.sif", "/s", "private", False, False)
    assert "--nv" in singularity.build_start_command(context, plain_job(gpus=1))
    assert "--nv" not in singularity.build_start_command(context, plain_job())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert singularity.variables(plain_job(gpus=1)) == {"CUDA_VISIBLE_DEVICES": "1"}
    assert singularity.variables(plain_job()) == {}


def test_daemon_on_another_machine() -> None:
    stop = {name: full_order()[name] for name in ("task", "attempt", "work_dir", "engine")}
    host = parse_stop_spec(json.dumps({**stop, "engine_host": HOST})).attempt.engine_host
    assert host is not None
    client = DOCKER._replace(connection=docker_cli.build_connection(host))
    connection = [
        *("docker", "--host", "tcp://10.0.0.7:2376", "--tlsverify"),
        *("--tlscacert", "/etc/hub/ca.pem", "--tlscert", "/etc/hub/cert.pem"),
        *("--tlskey", "/etc/hub/key.pem"),
    ]
    spec = full_job(engine_host=HOST)
    for argv in (
        docker_cli.build_image_command(client, spec.image),
        docker_cli.build_pull_command(client, spec.image),
        docker_cli.build_inspect_command(client, "x"),
        docker_cli.build_logs_command(client, "x"),
        docker_cli.build_stop_command(client, "x", 3),
        docker_cli.build_remove_command(client, "x"),
        docker_cli.build_network_command(client),
        docker_cli.build_run_command(client, spec, host.publish_address, init=True),
    ):
        assert argv[: len(connection)] == connection
    assert "10.0.0.7::8888" in argv
    assert "[fd00::7]::8888" in docker_cli.build_run_command(client, spec, "fd00::7", init=True)


def test_owners() -> None:
    assert owners.build_owner_options(1001, ProcessId(42, 5555)) == (
        *("--label", "rosetta.user=1001", "--label", "rosetta.agent=42-5555"),
    )
    assert owners.build_owned_command(DOCKER, 1001) == [
        *("docker", "ps", "--all", "--no-trunc"),
        *("--filter", "label=rosetta.user=1001", "--format", "{{.ID}}"),
    ]
    assert owners.build_owners_command(DOCKER, ["abc", "def"])[1:3] == ["container", "inspect"]
    text = "abc0 42-5555\ndef1 <no value>\n\nnonsense\n"
    assert owners.parse_owners(text) == {"abc0": ProcessId(42, 5555)}


@pytest.mark.parametrize(
    ("runtime", "own"),
    [
        (None, False),
        ("runc", False),
        ("/usr/bin/crun", False),
        ("runsc", True),
        ("/usr/local/bin/runsc", True),
        ("kata-runtime", True),
        ("io.containerd.kata.v2", True),
    ],
)
def test_runtimes_with_a_network_stack_of_their_own(runtime: str | None, own: bool) -> None:
    assert has_own_network_stack(runtime) is own


def test_orders_of_nodes() -> None:
    secret = "ab" * 32
    tls = {"certificate": PEM, "key": PEM}
    spec = full_job(
        listen={"host": "0.0.0.0", "secret": secret, "tls": tls},
        dial={"url": "https://edge:6999/", "ca": PEM},
        report_ca=PEM,
        path=["/opt/singularity/bin"],
        gpus=2,
        warn_before=60,
        batch={"wms": "slurm"},
    )
    assert spec.listen == ListenOptions("0.0.0.0", bytes.fromhex(secret), (PEM, PEM))  # type: ignore[arg-type]
    assert secret not in repr(spec.listen)
    assert PEM not in repr(spec.listen)
    assert spec.dial == ("https://edge:6999", PEM)
    assert (spec.gpus, spec.warn_before) == (Gpus(2), 60)
    assert spec.attempt.path == ("/opt/singularity/bin",)
    absent = dict.fromkeys(("listen", "dial", "report_ca", "gpus", "engine_host", "batch", "path"))
    assert full_job(**absent).listen is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("listen", {"host": "0.0.0.0", "secret": "short"}, "listen.secret: not of the form"),
        ("listen", {"host": "a b", "secret": "ab" * 32}, "listen.host: not of the form"),
        ("dial", {"url": "ftp://x"}, "dial.url: not of the form"),
        ("dial", {"url": "https://u:p@x"}, "dial.url: not of the form"),
        ("dial", {"url": "https://x", "ca": "/a/file"}, "dial.ca: not of the form"),
        ("engine_host", {**HOST, "url": "unix:///x"}, "engine_host.url: not of the form"),
        ("engine_host", {**HOST, "key": "--x"}, "engine_host.key: not of the form"),
        ("path", ["relative"], "path: 'relative' is not of the form"),
        ("gpus", -1, "gpus: less than 0"),
    ],
)
def test_refusals_name_the_key(key: str, value: object, words: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(json.dumps(full_order(**{key: value})))
    assert words in str(error.value)
