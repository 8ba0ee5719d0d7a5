"""Parts of the build program that need no engine: steps, rules, command lines, archives."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.builds.cgroup import build_limits
from rosetta_agent.builds.channel import BuildChannel
from rosetta_agent.builds.commands import BuildCommand, Store, docker_build, podman_build
from rosetta_agent.builds.errors import BuildError
from rosetta_agent.builds.network import build_rules, build_slirp_command, parse_own_addresses
from rosetta_agent.builds.output import LONGEST_LINE, Output, Step, parse_step
from rosetta_hub.builds.context import pack_context
from rosetta_hub.builds.images import ImageStore, image_name
from rosetta_hub.builds.settings import load_builds
from rosetta_hub.catalogue.registries import load_registries
from rosetta_hub.errors import ConfigError
from rosetta_hub.registries.client import RegistryClient


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("STEP 7/23: RUN make", Step(7, 23, "RUN make")),
        ("[2/2] STEP 3/5: COPY . /", Step(3, 5, "COPY . /")),
        ("Step 7/23 : RUN make", Step(7, 23, "RUN make")),
        ("#9 [ 7/23] RUN make", Step(7, 23, "RUN make")),
        ("#12 [stage-1 2/5] RUN make", Step(2, 5, "RUN make")),
        ("#9 [internal] load build definition", None),
        ("#9 sha256:abc 1/2 done", None),
        ("STEP 9/3: RUN make", None),
        ("the STEP 7/23: RUN make", None),
    ],
)
def test_steps(line: str, step: Step | None) -> None:
    assert parse_step(line) == step


def test_output_is_told_in_lines_and_steps() -> None:
    calls: list[dict[str, Any]] = []
    output = Output(calls.append, 1000)
    output.feed(b"STEP 1/2: FROM x\nhal")
    output.feed(b"f\n 10 %\r 20 %\r100 %\r\n")
    output.feed(b"x" * 5000 + b"\nlast")
    output.end()
    assert {"step": 1, "steps": 2} in calls
    log = "".join(document.get("log", "") for document in calls)
    assert log.startswith("STEP 1/2: FROM x\nhalf\n100 %\n")
    assert "too long" in log
    assert output.tail[:3] == ["STEP 1/2: FROM x", "half", "100 %"]
    assert [len(output.tail[3]), output.tail[4]] == [LONGEST_LINE, "last"]


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("\x1b[1;31merror\x1b[0m: no such file", "error: no such file"),
        ("\x1b[?25l\x1b[2K\x1b[38;2;249;38;114m━━\x1b[39m 2/3 MB", "━━ 2/3 MB"),
        ("\x1b]8;;https://example.org/x\x1b\\a link\x1b]8;;\x1b\\ here", "a link here"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b(Bplain\x1b7\x1b8", "plain"),
        ("10 %\r\x1b[32m100 %\x1b[0m\r", "100 %"),
        ("100 %\r\x1b[0m", "100 %"),
        ("\x1b[31mSTEP 2/3: RUN make\x1b[0m", "STEP 2/3: RUN make"),
        ("a\tb\x07\x08\x00c\x1b", "a\tbc"),
        ("cut off \x1b[31", "cut off "),
        ("array[0m] = 1", "array[0m] = 1"),
    ],
)
def test_output_has_no_codes_of_terminals(printed: str, text: str) -> None:
    calls: list[dict[str, Any]] = []
    output = Output(calls.append, 1000)
    output.feed(printed.encode() + b"\n")
    assert output.tail == [text]
    assert {"log": f"{text}\n"} in calls


def test_own_addresses() -> None:
    text = (
        "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.1.2.3\n        /32 host LOCAL\n"
        "     |-- 10.1.2.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n"
        "        /32 host LOCAL\n"
    )
    assert parse_own_addresses(text) == ["10.1.2.3", "127.0.0.1"]


def test_rules_refuse_before_they_accept() -> None:
    lines = build_rules(["10.1.2.3"], ["10.1.0.0/16"], [3141]).splitlines()
    order = [
        "-A OUTPUT -d 10.0.2.3 -p udp --dport 53 -j ACCEPT",
        "-A OUTPUT -d 10.0.2.2 -p tcp --dport 3141 -j ACCEPT",
        "-A OUTPUT -d 10.0.2.0/24 -j REJECT",
        "-A OUTPUT -d 10.1.2.3 -j REJECT",
        "-A OUTPUT -d 10.1.0.0/16 -j ACCEPT",
        "-A OUTPUT -d 10.0.0.0/8 -j REJECT",
        "-A OUTPUT -d 169.254.0.0/16 -j REJECT",
    ]
    places = [lines.index(line) for line in order]
    assert places == sorted(places)


def test_the_loopback_address_is_given_only_where_a_port_is_allowed() -> None:
    assert "--disable-host-loopback" in build_slirp_command(1, 2, False)
    assert "--disable-host-loopback" not in build_slirp_command(1, 2, True)


def command(**request: Any) -> BuildCommand:
    document = {"id": "0123456789ab", "runtime": "runc", "memory": 1 << 30, "cpus": 1.5}
    document |= {"binds": {"/srv/pypi": "/pypi"}, "build_args": {"A": "b c"}, "network": ""}
    return BuildCommand(
        "localhost/x:1", "/c", "/c/Dockerfile", "/id", {**document, **request}, 1024, "/g/steps"
    )


def test_command_of_podman() -> None:
    assert podman_build(command(), Store("/s", "/r"), "/b", confined=True) == [
        *("podman", "--root", "/s", "--runroot", "/r", "--storage-driver", "overlay"),
        *("--storage-opt", "overlay.imagestore=/b", "--runtime", "runc"),
        *("--cgroup-manager", "cgroupfs", "build", "--pull=missing", "--layers=false"),
        *("--force-rm", "--http-proxy=false"),
        *("--cap-drop=NET_ADMIN", "--cap-drop=NET_RAW", "--cap-drop=MKNOD", "--network=host"),
        *("--cgroup-parent=/g/steps", "--ulimit", "nofile=1024:1024", "--ulimit", "core=0:0"),
        *("--volume", "/srv/pypi:/pypi:ro", "--iidfile", "/id", "--tag", "localhost/x:1"),
        *("--file", "/c/Dockerfile", "--build-arg", "A=b c", "/c"),
    ]


def test_the_machines_network_is_used_only_within_a_namespace() -> None:
    assert "--network=host" not in podman_build(command(), Store("/s", "/r"), "/b", confined=False)


def test_command_of_docker() -> None:
    assert docker_build(command(network="builds"), has_buildx=False) == [
        *("docker", "build", "--force-rm", "--label", "rosetta.build=0123456789ab"),
        *("--memory", "1073741824", "--memory-swap", "1073741824"),
        *("--cpu-period", "100000", "--cpu-quota", "150000"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "core=0:0", "--network", "builds"),
        *("--cgroup-parent", "/g/steps", "--iidfile", "/id", "--tag", "localhost/x:1"),
        *("--file", "/c/Dockerfile", "--build-arg", "A=b c", "/c"),
    ]


def test_limits_of_both_kinds_of_control_groups() -> None:
    assert build_limits(1.5, 1024, 10, unified=True)["cpu.max"] == "150000 100000"
    assert build_limits(1.5, 1024, 10, unified=False)["cpu/cpu.cfs_quota_us"] == "150000"


# --- the context ----------------------------------------------------------------------------------


def test_a_context_holds_files_and_links_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "run").write_text("x")
    (tmp_path / "folder" / "run").chmod(0o755)
    (tmp_path / "link").symlink_to("/etc/shadow")
    os.link(tmp_path / "folder" / "run", tmp_path / "second")
    os.mkfifo(tmp_path / "pipe")
    packed = io.BytesIO()
    pack_context(tmp_path, packed)
    with tarfile.open(fileobj=packed) as archive:
        members = {member.name: member for member in archive}
        assert sorted(members) == ["folder", "folder/run", "link", "second"]
        assert members["link"].linkname == "/etc/shadow"
        assert (members["folder/run"].mode, members["folder/run"].uid) == (0o755, 0)
        assert members["second"].isreg()


class Sent(BuildChannel):
    """A channel that has an archive to give."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data, b""]

    def receive_data(self) -> bytes:
        return self._pieces.pop(0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../out", tarfile.REGTYPE),
        ("/out", tarfile.REGTYPE),
        ("a/../../out", tarfile.REGTYPE),
        ("device", tarfile.CHRTYPE),
        ("hard", tarfile.LNKTYPE),
    ],
)
def test_archives_of_others_are_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "x"
        archive.addfile(member)
    folder = tmp_path / "context"
    folder.mkdir()
    with pytest.raises(BuildError, match="something that no context has"):
        Sent(packed.getvalue()).unpack(str(folder))
    assert [path.name for path in tmp_path.rglob("*")] == ["context"]


# --- names and settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("org/My_Repo", "org-my-repo"),
        ("https://git.example.org/a b.git", "https-git-example-org-a-b-git"),
        ("../..", "repository"),
        ("é" * 300, "repository"),
        ("a" * 300, "a" * 60),
    ],
)
def test_names_of_images(repository: str, name: str) -> None:
    assert image_name(repository, "0123456789abcdef" * 4) == f"{name}:0123456789abcdef"


def test_the_account_that_pushes(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    account = {"user": "builds", "password_file": str(password)}
    entries = [{"host": "r.example.org"}, {"host": "r.example.org", **account}]
    registries = load_registries(entries)
    settings = load_builds({"registry": "r.example.org/team"})
    assert settings is not None
    store = ImageStore(settings, registries, RegistryClient(registries))
    assert store.reference("x:1") == "r.example.org/team/x:1"
    document = store.push_document()
    assert document == {
        "auth": {"r.example.org": {"auth": "YnVpbGRzOnNlY3JldA=="}},
        "ca": "",
        "plain_http": False,
    }
    assert "secret" not in repr(store._login())
    password.unlink()
    with pytest.raises(Exception, match=r"can't be read by the service"):
        store.push_document()


@pytest.mark.parametrize("raw", [None, {}])
def test_nothing_is_built_without_settings(raw: dict[str, Any] | None) -> None:
    assert load_builds(raw) is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"engine": "buildah"}, "engine"),
        ({"builder": "vega"}, "reached over SSH with the platform's account: castor"),
        ({"engine": "docker", "keep_in": "podman"}, "stays in docker"),
        ({"registry": "https://x"}, "use a host with"),
        ({"binds": {"/": "/x"}}, "not for builds"),
        ({"binds": {"/root/.ssh": "/x", "/home/alice": "/y"}}, "not for builds"),
        ({"binds": {"/srv:/x": "/x"}}, "without a colon"),
        ({"allow_networks": ["fd00::/8"]}, "IPv4"),
        ({"allow_weaker": ["time"]}, "allow_weaker"),
        ({"time": "0"}, "time"),
    ],
)
def test_refused_settings(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_builds(raw, ["castor"])
