"""Specs: read, checked, frozen."""

import json
from typing import Any

import pytest

from rosetta_agent.bind_options import Bind, Owner
from rosetta_agent.errors import SpecError
from rosetta_agent.spec import FurtherInterface, parse_spec, parse_stop_spec

from .specs import full_job, full_order, plain_job


def test_full_order() -> None:
    spec = full_job()
    assert (spec.attempt.task, spec.attempt.attempt) == ("3f9a1c22b7e4", 2)
    assert spec.limits == (1.5, 2147483648, 1024, None)
    assert spec.binds[1].read_only
    assert spec.command == ("serve", "--all")
    assert spec.engine_options == ("--ulimit", "core=0")


def test_name_of_the_container_does_not_tell_the_task() -> None:
    name = full_job().attempt.name
    assert name == "rosetta-4f8b8db7c2731b9a"  # agents of other versions find the container, too
    assert name != full_job(attempt=3).attempt.name
    assert name != full_job(task="3f9a1c22b7e5").attempt.name


def test_defaults() -> None:
    spec = plain_job()
    assert spec.limits == (None, None, None, None)
    assert spec.hardening.no_new_privileges
    assert spec.timeouts == (120, 10, 3600)
    assert (spec.heartbeat, spec.command, spec.environment) == (5, None, {})
    assert spec.interface.path == "/"


def test_image_that_chooses_no_port_but_honours_one() -> None:
    spec = plain_job(interface={"port": None, "protocol": "http", "custom_port": True})
    assert spec.interface.port == 8888


def test_further_interfaces() -> None:
    assert plain_job().interfaces == ()
    values = [{"port": 8787}, {"port": 6006, "protocol": "https", "path": "/#scalars"}]
    assert plain_job(interfaces=values).interfaces == (
        FurtherInterface(8787, "http", "/"),
        FurtherInterface(6006, "https", "/#scalars"),
    )


def test_repr_has_no_secrets() -> None:
    assert "hidden" not in repr(full_job())
    assert "hidden" not in f"{full_job()}"


def bind(**changes: Any) -> dict[str, Any]:
    return {"source": "/a", "target": "/c", **changes}


def test_binds() -> None:
    document = {"read_only": True, "create": True, "home": True, "within": "/a/", "any": 1}
    owner = {"uid": 5, "gid": 6}
    spec = full_job(binds=[bind(source="/a/b/", **document, owner=owner), bind(target="/usr/data")])
    assert spec.binds == (
        Bind("/a/b", "/c", True, True, True, "/a", Owner(5, 6)),
        Bind("/a", "/usr/data", False),
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("version", 2, "version: this agent understands 1, not 2"),
        ("task", "../../etc", "task: not of the form"),
        ("task", None, "task: missing"),
        ("attempt", 0, "attempt: less than 1"),
        ("attempt", True, "attempt: not an integer"),
        ("secret", "two\nlines", "secret: not of the form"),
        ("report_url", "ftp://x/", "report_url: not of the form"),
        ("report_url", "http://user:pw@x/", "report_url: not of the form"),
        ("work_dir", "relative", "work_dir: not of the form"),
        ("engine", "lxc", "engine: 'lxc' is none of docker, podman, singularity"),
        ("runtime", "--privileged", "runtime: not of the form"),
        ("image", {"reference": "--help"}, "image.reference: not of the form"),
        ("image", {"reference": "x", "pull": "no"}, "image.pull: 'no' is none of"),
        ("image", {"reference": "x", "digest": "md5:1"}, "image.digest: not of the form"),
        ("image", [], "image: not an object"),
        ("interface", {"port": 99999, "protocol": "http"}, "interface.port: more than 65535"),
        ("interface", {"protocol": "http"}, "interface.port: missing"),
        ("interface", {"port": 1, "protocol": "a b"}, "interface.protocol: not of the form"),
        ("environment", {"A=B": "x"}, "environment: 'A=B' is not the name of a variable"),
        ("environment", {"A": 1}, "environment.A: not a string"),
        ("command", "ls", "command: not a list"),
        ("command", [1], "command: not a list of strings"),
        ("limits", {"cpus": "2"}, "limits.cpus: not a number"),
        ("limits", {"cpus": 0}, "limits.cpus: less than 0.01"),
        ("limits", {"cpus": float("inf")}, "limits.cpus: less than 0.01, or not finite"),
        ("limits", {"memory": 1.5}, "limits.memory: not an integer"),
        ("hardening", {"add_capabilities": ["sys admin"]}, "hardening.add_capabilities: "),
        ("hardening", {"read_only": "yes"}, "hardening.read_only: not true or false"),
        ("hardening", {"user": "-x"}, "hardening.user: not of the form"),
        ("binds", [{"source": "/a:/b", "target": "/c"}], "binds[0].source: not of the form"),
        ("binds", [{"source": "/a"}], "binds[0].target: missing"),
        ("binds", ["/a"], "binds: not a list of objects"),
        ("binds", [bind(target="/usr")], "binds: /usr would hide what a container needs"),
        ("binds", [bind(target="/")], "binds: / would hide what a container needs"),
        ("binds", [bind(target="/proc/sys")], "binds: /proc/sys would hide"),
        ("binds", [bind(source="/a/../etc")], "binds: source: /a/../etc is not a plain path"),
        ("binds", [bind(within="/a/./b")], "binds: within: /a/./b is not a plain path"),
        ("binds", [bind(owner={"uid": -1, "gid": 0})], "binds[0].owner.uid: less than 0"),
        ("binds", [bind(owner={"uid": 1})], "binds[0].owner.gid: missing"),
        ("binds", [bind(), bind(target="/c/d")], "binds: /c and /c/d are in each other's way"),
        (
            "binds",
            [bind(home=True), bind(target="/d", home=True)],
            "binds: more than one is the home",
        ),
        ("home_user", "root", "home_user: not an integer"),
        ("heartbeat", 0, "heartbeat: less than 0.1"),
        ("engine_options", "--x", "engine_options: not a list"),
    ],
)
def test_refusals_name_the_key(key: str, value: Any, words: str) -> None:
    with pytest.raises(SpecError) as error:
        full_job(**{key: value})
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "nonsense"])
def test_no_json_object(text: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(text)


def test_stop_order() -> None:
    names = ("task", "attempt", "work_dir", "engine")
    spec = {name: full_order()[name] for name in names}
    stop = parse_stop_spec(json.dumps({**spec, "stop": 3}))
    assert (stop.attempt.name, stop.grace) == (full_job().attempt.name, 3)
    assert parse_stop_spec(json.dumps(spec)).grace == 10
