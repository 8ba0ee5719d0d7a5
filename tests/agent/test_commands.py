"""Command lines, with all options set; and the answers to them."""

import json
import socket
from typing import Any

import pytest

from rosetta_agent import network
from rosetta_agent.engines import docker_cli, images, podman, singularity
from rosetta_agent.engines.base import Container, ContainerStatus
from rosetta_agent.errors import StateUnknown, TaskFailure
from rosetta_agent.processes import ProcessId
from rosetta_agent.registry_access import is_on_loopback, registry_of
from rosetta_agent.spec import Image

from .specs import full_job, plain_job

DOCKER = docker_cli.Client("docker", "json-file", docker_cli.NETWORK)
PODMAN = docker_cli.Client(
    "podman",
    "k8s-file",
    "slirp4netns",
    run_options=("--runtime", "runc"),
    pull_options=("--tls-verify=false",),
    remove_options=("--time", "0"),
    init=("--init", "--init-path", "/usr/bin/catatonit"),
)
NAME = "rosetta-4f8b8db7c2731b9a"
DIGEST = "sha256:" + "a" * 64


def test_docker_run_with_all_options() -> None:
    assert docker_cli.build_run_command(DOCKER, full_job(), publish="127.0.0.1", init=True) == [
        *("docker", "run", "--detach", "--name", NAME),
        *("--pull", "never", "--hostname", NAME),
        *("--log-driver", "json-file", "--log-opt", "max-size=10m", "--init"),
        *("--label", "rosetta.task=3f9a1c22b7e4", "--label", "rosetta.attempt=2"),
        *("--publish", "127.0.0.1::8888", "--platform", "linux/amd64"),
        *("--cpus", "1.5", "--memory", "2147483648b", "--memory-swap", "2147483648b"),
        *("--pids-limit", "1024", "--security-opt", "no-new-privileges"),
        *("--cap-drop", "NET_RAW", "--cap-add", "SYS_NICE"),
        *("--read-only", "--tmpfs", "/tmp:mode=1777", "--tmpfs", "/run:mode=1777"),
        *("--user", "1000:1000"),
        *("--mount", "type=bind,source=/data/alice,target=/storages/data"),
        *("--mount", "type=bind,source=/data/all,target=/storages/all,readonly"),
        *("--env", "AUTH_PASS", "--env", "BASE_PORT", "--env", "PATH=/opt/bin:/bin"),
        *("--network", "rosetta-tasks", "--runtime", "runsc"),
        *("--ulimit", "core=0", "localhost:5000/casa:6.5", "serve", "--all"),
    ]


def test_an_administrators_network_replaces_ours() -> None:
    spec = full_job()._replace(engine_options=("--network=lab",))
    argv = docker_cli.build_run_command(DOCKER, spec, publish=None, init=True)
    assert [argument for argument in argv if "network" in argument] == ["--network=lab"]


def test_networks_of_podman() -> None:
    assert podman.build_network(1000, has_slirp=False) is None
    assert podman.build_network(0, has_slirp=True) == "slirp4netns"
    assert podman.build_network(0, has_slirp=False) == "none"


def test_podman_run_with_as_little_as_possible() -> None:
    assert docker_cli.build_run_command(PODMAN, plain_job(), publish=None, init=False) == [
        *("podman", "run", "--detach", "--name", NAME),
        *("--pull", "never", "--hostname", NAME),
        *("--log-driver", "k8s-file", "--log-opt", "max-size=10m"),
        *("--label", "rosetta.task=3f9a1c22b7e4", "--label", "rosetta.attempt=2"),
        *("--security-opt", "no-new-privileges", "--network", "slirp4netns"),
        *("--runtime", "runc", "casa"),
    ]


def test_other_commands() -> None:
    image = Image("r:5000/a/b:1", DIGEST, "missing", "linux/arm64")
    name = f"r:5000/a/b@{DIGEST}"
    assert docker_cli.build_image_command(DOCKER, image) == [
        *(
            "docker",
            "image",
            "inspect",
            "--format",
            "{{json .Config.Entrypoint}}\n{{json .RepoDigests}}",
            name,
        )
    ]
    assert docker_cli.build_pull_command(PODMAN, image) == [
        *("podman", "pull", "--platform", "linux/arm64", "--tls-verify=false", name)
    ]
    assert docker_cli.build_inspect_command(DOCKER, "x") == ["docker", "container", "inspect", "x"]
    assert docker_cli.build_logs_command(DOCKER, "x") == ["docker", "logs", "--follow", "x"]
    assert docker_cli.build_stop_command(DOCKER, "x", 9.6) == ["docker", "stop", "-t", "10", "x"]
    assert docker_cli.build_remove_command(PODMAN, "x") == [
        *("podman", "rm", "--force", "--volumes", "--time", "0", "x")
    ]


@pytest.mark.parametrize(
    ("reference", "listed", "result"),
    [
        ("r:5000/a/b:1", ["r:5000/a/b@sha256:1", "other/b@sha256:2"], ("sha256:1",)),
        ("r:5000/a/b", ["r:5000/a/b@sha256:1", "r:5000/a/b@sha256:2"], ("sha256:1", "sha256:2")),
        ("docker.io/library/casa:1", ["casa@sha256:1", "ghcr.io/x/casa@sha256:2"], ("sha256:1",)),
        ("casa", ["docker.io/library/casa@sha256:1", "x/casa@sha256:2"], ("sha256:1",)),
        ("casa", ["casa@sha256:1", f"casa@{DIGEST}"], (DIGEST, "sha256:1")),
        ("casa", [], ()),
        ("casa", None, ()),
    ],
)
def test_digests_of_an_image(
    reference: str, listed: list[str] | None, result: tuple[str, ...]
) -> None:
    image = Image(reference, DIGEST, "missing", None)
    assert docker_cli.parse_digests(json.dumps(listed), image) == result
    assert docker_cli.parse_digests("no JSON", image) == ()


@pytest.mark.parametrize(
    ("reference", "digest", "name"),
    [
        ("casa:6.5", None, "casa:6.5"),
        ("casa:6.5", DIGEST, f"casa@{DIGEST}"),
        ("r:5000/a/b", DIGEST, f"r:5000/a/b@{DIGEST}"),
        ("r:5000/a/b:2", DIGEST, f"r:5000/a/b@{DIGEST}"),
    ],
)
def test_digest_takes_the_place_of_the_tag(reference: str, digest: str, name: str) -> None:
    assert docker_cli.image_name(Image(reference, digest, "missing", None)) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", False),
        ('["/usr/bin/tini","-g","--"]', True),
        ('["/init"]', True),
        ('"dumb-init"', True),
        ('["/bin/sh","-c","x"]', False),
        ("[]", False),
        ("", False),
    ],
)
def test_images_with_an_init_of_their_own(text: str, expected: bool) -> None:
    assert docker_cli.parse_is_init(text) is expected


def inspected(**state: Any) -> str:
    document = {
        "State": {"Status": "running", "Pid": 42, "ExitCode": 0, "OOMKilled": False, **state},
        "NetworkSettings": {"Ports": {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}]}},
    }
    return json.dumps([document])


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({}, ContainerStatus("running")),
        ({"Status": "paused"}, ContainerStatus("running")),
        ({"Status": "exited", "ExitCode": 3}, ContainerStatus("exited", 3)),
        (
            {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
            ContainerStatus("exited", 137, out_of_memory=True),
        ),
        ({"Status": "dead", "Error": "why"}, ContainerStatus("exited", 0, detail="why")),
    ],
)
def test_inspect(state: dict[str, Any], status: ContainerStatus) -> None:
    inspect = docker_cli.parse_inspect(inspected(**state), 8888)
    assert docker_cli.parse_condition(inspect) == status
    assert (inspect.pid, inspect.published) == (42, 32768)
    assert docker_cli.parse_inspect(inspected(**state), 80).published is None


def test_ports_of_further_interfaces_are_published_too() -> None:
    spec = full_job(interfaces=[{"port": 8787}, {"port": 6006, "protocol": "https"}])
    argv = docker_cli.build_run_command(DOCKER, spec, publish="127.0.0.1", init=True)
    published = [argv[index + 1] for index, word in enumerate(argv) if word == "--publish"]
    assert published == ["127.0.0.1::8888", "127.0.0.1::8787", "127.0.0.1::6006"]
    assert "--publish" not in docker_cli.build_run_command(DOCKER, spec, publish=None, init=True)


def test_inspect_of_several_ports() -> None:
    document = json.loads(inspected())
    ports = document[0]["NetworkSettings"]["Ports"]
    ports["8787/tcp"] = [{"HostIp": "127.0.0.1", "HostPort": "32770"}]
    ports["22/tcp"] = [{"HostIp": "127.0.0.1", "HostPort": "32771"}]
    inspect = docker_cli.parse_inspect(json.dumps(document), 8888, (8787, 6006))
    assert (inspect.published, inspect.further) == (32768, ((8787, 32770),))


@pytest.mark.parametrize("text", ["", "[]", "{}", "[{}]", '[{"State": 3}]'])
def test_inspect_that_cannot_be_read_says_nothing(text: str) -> None:
    with pytest.raises(StateUnknown):
        docker_cli.parse_inspect(text, 1)


@pytest.mark.parametrize(
    ("errors", "result"),
    [
        ("Error response from daemon: No such container: x", True),
        ("Error: No such container: x", True),
        ("Error: inspecting object: no such container x", True),
        ('Error: no container with name or ID "x" found: no such container', True),
        ("Cannot connect to the Docker daemon at unix:///x.", False),
        ("context deadline exceeded", False),
        ("", False),
    ],
)
def test_gone_needs_an_answer(errors: str, result: bool) -> None:
    assert docker_cli.is_gone(errors) is result


def test_limit_of_the_disk() -> None:
    spec = plain_job(limits={"disk": 5 << 30})
    argv = docker_cli.build_run_command(DOCKER, spec, publish=None, init=False)
    assert argv[argv.index("--storage-opt") + 1] == "size=5368709120"
    spec = plain_job(limits={"disk": 5 << 30}, hardening={"read_only": True})
    argv = docker_cli.build_run_command(DOCKER, spec, publish=None, init=False)
    assert "--storage-opt" not in argv
    sized = [word for word in argv if word.startswith(("/tmp", "/run"))]
    assert sized == ["/tmp:mode=1777,size=5368709120", "/run:mode=1777,size=5368709120"]


@pytest.mark.parametrize(
    ("errors", "refused"),
    [
        (
            "docker: Error response from daemon: --storage-opt is supported only for overlay over"
            " xfs with 'pquota' mount option",
            True,
        ),
        ("Error response from daemon: --storage-opt is not supported for vfs", True),
        (
            "Error: storage option overlay.size and overlay.inodes only supported for backingFS"
            " XFS. Found extfs",
            True,
        ),
        ("Error response from daemon: No such image: x", False),
    ],
)
def test_disk_limit_that_the_driver_refuses(errors: str, refused: bool) -> None:
    assert docker_cli.is_disk_limit_refused(errors) is refused


@pytest.mark.parametrize(
    ("errors", "warnings"),
    [
        ("", ()),
        ("WARNING: Your kernel does not support swap limit capabilities. Memory limited.", ()),
        (
            "Resource limits are not supported and ignored on cgroups V1 rootless systems",
            ("limits_not_enforced",),
        ),
        (
            "WARNING: Your kernel does not support memory limit capabilities. Limit discarded.",
            ("limits_not_enforced",),
        ),
    ],
)
def test_warnings(errors: str, warnings: tuple[str, ...]) -> None:
    assert docker_cli.parse_warnings(errors) == warnings


def test_podman_where_limits_and_cgroups_are_in_the_way() -> None:
    assert podman.build_machine_options(False, True, {}) == ()
    assert podman.build_machine_options(True, False, {}) == ()
    assert podman.build_machine_options(True, True, {"nproc": 9, "nofile": 8}) == (
        *("--runtime", "runc", "--ulimit", "nofile=8:8", "--ulimit", "nproc=9:9"),
    )
    assert podman.build_init_options([]) == ()
    assert podman.build_init_options(["/a", "/b"]) == ("--init", "--init-path", "/a")


@pytest.mark.parametrize(
    ("reference", "registry", "loopback"),
    [
        ("casa", "", False),
        ("rosetta/casa:1", "", False),
        ("localhost/casa", "localhost", True),
        ("localhost:5000/casa", "localhost:5000", True),
        ("127.0.0.2:5000/casa", "127.0.0.2:5000", True),
        ("[::1]:5000/casa", "[::1]:5000", True),
        ("docker.io/library/x", "docker.io", False),
        ("localhost.example.org/x", "localhost.example.org", False),
    ],
)
def test_registries(reference: str, registry: str, loopback: bool) -> None:
    assert registry_of(reference) == registry
    assert is_on_loopback(reference) is loopback


SETTING = singularity.ContainerContext(
    program="/usr/bin/apptainer",
    image="/w/images/x.sif",
    sandbox="/w/t-1",
    network="private",
    resolver=True,
    as_root=True,
)


def test_singularity_with_all_options() -> None:
    assert singularity.build_start_command(SETTING, full_job()) == [
        *("/usr/bin/apptainer", "--quiet", "exec", "--containall", "--cleanenv", "--pid"),
        *("--no-home", "--userns", "--workdir", "/w/t-1/tmp", "--home", "/home/metauser"),
        *("--bind", "/w/t-1/home:/home/metauser", "--pwd", "/home/metauser"),
        *("--bind", "/w/t-1/resolv.conf:/etc/resolv.conf:ro"),
        *("--bind", "/data/alice:/storages/data:rw", "--bind", "/data/all:/storages/all:ro"),
        *("--drop-caps", "CAP_NET_RAW", "--ulimit", "core=0"),
        *("/w/images/x.sif", "serve", "--all"),
    ]


@pytest.mark.parametrize(
    ("bind", "home"),
    [
        ({"target": "/home/alice", "home": True}, "/home/alice"),
        ({"target": "/home/metauser"}, "/home/metauser"),
        ({"target": "/home"}, "/home"),
    ],
)
def test_singularity_with_a_home(bind: dict[str, Any], home: str) -> None:
    """Of two binds at one place it takes the first: the sandbox's home must not be one."""
    spec = plain_job(binds=[{"source": "/homes/alice", **bind}])
    argv = singularity.build_start_command(SETTING._replace(resolver=False), spec)
    assert argv[argv.index("--home") :][:6] == [
        *("--home", home, "--pwd", home),
        *("--bind", f"/homes/alice:{home}:rw"),
    ]
    assert argv.count("--bind") == 1


def test_singularity_as_root() -> None:
    """Where no network of its own can be made, Singularity makes the account root."""
    context = SETTING._replace(options=("--fakeroot",), network="host")
    assert "--fakeroot" in singularity.build_start_command(context, plain_job())
    context = context._replace(network="private")
    assert "--fakeroot" not in singularity.build_start_command(context, plain_job())


def test_docker_with_a_home_whose_name_has_quotes() -> None:
    spec = plain_job(binds=[{"source": '/homes/"a" b', "target": "/h"}])
    argv = docker_cli.build_run_command(DOCKER, spec, publish=None, init=False)
    assert argv[argv.index("--mount") + 1] == 'type=bind,"source=/homes/""a"" b",target=/h'


def test_singularity_with_a_directory_for_changes() -> None:
    context = SETTING._replace(overlay="/w/t-1/root")
    argv = singularity.build_start_command(context, plain_job())
    assert argv[argv.index("--overlay") + 1] == "/w/t-1/root"
    assert "--writable-tmpfs" not in argv
    assert "--overlay" not in singularity.build_start_command(context, full_job())  # read-only


def test_singularity_on_the_network_of_the_machine() -> None:
    context = SETTING._replace(network="host", resolver=False, as_root=False)
    assert singularity.build_start_command(context, plain_job()) == [
        *("/usr/bin/apptainer", "--quiet", "run", "--containall", "--cleanenv", "--pid"),
        *("--no-home", "--writable-tmpfs", "--workdir", "/w/t-1/tmp", "--home"),
        *("/home/metauser", "--bind", "/w/t-1/home:/home/metauser", "--pwd", "/home/metauser"),
        "/w/images/x.sif",
    ]


@pytest.mark.parametrize("name", ["apptainer", "singularity"])
def test_singularity_environment(name: str) -> None:
    prefix = name.upper()
    assert singularity.build_environment(f"/usr/bin/{name}", {"PATH": "/x", "A": "$b"}, "/t") == {
        f"{prefix}ENV_PATH": "/x",
        f"{prefix}ENV_A": "$b",
        f"{prefix}_NO_EVAL": "true",
        f"{prefix}_TMPDIR": "/t",
        f"{prefix}_CACHEDIR": "/t",
    }


@pytest.mark.parametrize(
    ("reference", "command"),
    [
        ("r.org/casa:6", ["pull", "--disable-cache", "/t.sif", "docker://r.org/casa:6"]),
        ("docker://r.org/casa:6", ["pull", "--disable-cache", "/t.sif", "docker://r.org/casa:6"]),
        ("docker-archive:/a.tar", ["build", "--disable-cache", "/t.sif", "docker-archive:/a.tar"]),
    ],
)
def test_singularity_pull(reference: str, command: list[str]) -> None:
    image = Image(reference, None, "missing", None)
    assert images.build_pull_command("apptainer", image, "/t.sif") == ["apptainer", *command]


def test_singularity_pull_of_a_platform_and_a_digest() -> None:
    image = Image("r.org/casa:6", DIGEST, "missing", "linux/arm64")
    assert images.build_pull_command("apptainer", image, "/t.sif") == [
        *("apptainer", "pull", "--disable-cache", "--arch", "arm64", "/t.sif"),
        f"docker://r.org/casa@{DIGEST}",
    ]


def test_singularity_pull_environment() -> None:
    far = images.build_pull_environment(Image("r.org/x", None, "missing", None), "/s")
    assert far["APPTAINER_TMPDIR"] == far["SINGULARITY_CACHEDIR"] == "/s"
    assert "APPTAINER_NOHTTPS" not in far
    near = images.build_pull_environment(Image("localhost:5000/x", None, "missing", None), "/s")
    assert near["APPTAINER_NOHTTPS"] == near["SINGULARITY_NOHTTPS"] == "true"


def test_image_names_tell_versions_apart() -> None:
    image = Image("r.org/x", None, "missing", None)
    names = {
        images.cache_name(image, 0),
        images.cache_name(image, 1),
        images.cache_name(image._replace(digest=DIGEST), 0),
        images.cache_name(image._replace(platform="linux/arm64"), 0),
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("kind", "tool", "warnings"),
    [
        ("private", [3, 4], ()),
        ("private", None, ("no_outbound",)),
        ("host", None, ("no_network_isolation",)),
    ],
)
def test_keeper_record(kind: str, tool: list[int] | None, warnings: tuple[str, ...]) -> None:
    record = {"monitor": [1, 1], "container": [2, 9], "network": kind, "tool": tool, "port": 8888}
    assert singularity.parse_record(record) == Container(
        ProcessId(2, 9), 8888, kind == "private", warnings=warnings, monitor=ProcessId(1, 1)
    )


def test_fixed_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        spec = plain_job(interface={"port": port, "protocol": "http"})
        with pytest.raises(TaskFailure) as error:
            singularity.choose_port(spec)
        assert error.value.reason == "port_in_use"
        spec = plain_job(interface={"port": port, "protocol": "http", "custom_port": True})
        assert singularity.choose_port(spec) != port


def test_network_tools() -> None:
    assert network.build_slirp_command(42, 7) == [
        *("slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"),
        *("--ready-fd=7", "42", "tap0"),
    ]
    assert network.build_pasta_command(42, "/p") == [
        *("pasta", "--config-net", "--no-map-gw", "--quiet", "--tcp-ports", "none"),
        *("--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none"),
        *("--dns-forward", "169.254.1.1", "--pid", "/p", "42"),
    ]
    machine = "nameserver 10.1.1.1\n\nsearch example.org\noptions ndots:2\n"
    assert network.build_resolver_file("10.0.2.3", machine) == (
        "nameserver 10.0.2.3\nsearch example.org\noptions ndots:2\n"
    )
