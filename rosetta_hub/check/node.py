"""Checks of the node where tasks run: the agent looks there, and each reads what it has found."""

from typing import Any

from rosetta_hub.catalogue.computing_conf import DockerApiConf
from rosetta_hub.check.context import CheckFailed, CheckSkipped, Context
from rosetta_hub.tasks.state_messages import WARNINGS

OLDEST_PYTHON = (3, 6)
SKEW_LIMIT = 30.0


async def check_python(context: Context) -> str:
    """The node's Python is new enough for the agent."""
    finding = await context.find("python")
    if finding is None:
        return f"new enough on {context.node}: the probe ran"
    version = str(finding)
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if parts < OLDEST_PYTHON:
        raise CheckFailed(
            f"Python {version} on {context.node}",
            "The agent needs 3.6 or newer: name one with 'python' in 'conf'.",
        )
    return f"Python {version} on {context.node}"


async def check_engines(context: Context) -> str:
    """Every configured engine answers on the node."""
    engines = await _finding(context, "engines")
    versions = [
        f"{name} {engine['version']}" for name, engine in engines.items() if "version" in engine
    ]
    missing = [
        f"{name} {engine['error']}" for name, engine in engines.items() if "version" not in engine
    ]
    if missing:
        raise CheckFailed(
            "; ".join(missing),
            "Install it on the nodes, give its directory as 'path' in 'conf', let the account use"
            " it, or take it out of 'container_engines'.",
        )
    return ", ".join(versions)


async def check_namespaces(context: Context) -> str:
    """The account may make user and network namespaces."""
    if isinstance(context.computing.conf, DockerApiConf):
        raise CheckSkipped("they are the business of the Docker host")
    finding = await _finding(context, "namespaces")
    if not finding["ok"]:
        raise CheckFailed(
            f"no user namespaces: {finding['error']}",
            "Ask the site for user.max_user_namespaces > 0 (and"
            " kernel.unprivileged_userns_clone = 1 where it exists; AppArmor may forbid them,"
            " too). Without them tasks share the node's network, and fixed ports may collide.",
        )
    way_out = finding.get("way_out")
    more = f"; {way_out} leads out of them" if way_out else ""
    return f"user and network namespaces can be made{more}"


async def check_service(context: Context) -> str:
    """The node reaches the service, for the agent's reports."""
    answer = (await _finding(context, "urls")).get("service", {})
    if "error" in answer:
        raise CheckFailed(
            f"{context.node} does not reach {agents_url(context)}: {answer['error']}",
            "See that the service is started, that agents_url is an address that nodes can"
            " resolve and connect to, and that no firewall is in between; for https with a CA of"
            " your own, set agents_ca.",
        )
    if answer["status"] != 200:
        raise CheckFailed(
            f"{agents_url(context)} answers {answer['status']}",
            "Somebody else answers there: see that agents_url leads to the service.",
        )
    return f"{agents_url(context)} answers{_speed(answer)}"


async def check_dial(context: Context) -> str:
    """The node reaches the tunnels' process, for the tunnel `reverse`."""
    if context.computing.tunnel != "reverse":
        raise CheckSkipped(
            f"the tunnel is {context.computing.tunnel or 'local'}: nodes dial nobody"
        )
    url = str(context.settings.tunnels_url)
    answer = (await _finding(context, "urls")).get("tunnels")
    if answer is None:
        raise CheckFailed(
            "tunnels_url is not set", "Set c.Rosetta.tunnels_url to an address that nodes reach."
        )
    if "error" in answer:
        raise CheckFailed(
            f"{context.node} does not reach {url}: {answer['error']}",
            "See that the service is started, that tunnels_url is an address that nodes can"
            " connect to, and that its port is open for them.",
        )
    return f"{url} answers{_speed(answer)}"


async def check_clock(context: Context) -> str:
    """Node and hub agree on the time."""
    skew = context.skew
    if skew is None:
        skew = (await _finding(context, "urls")).get("service", {}).get("skew")
    if skew is None:
        raise CheckSkipped("nobody could ask the node for its time")
    if abs(skew) > SKEW_LIMIT:
        raise CheckFailed(
            f"the node's clock is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}",
            "Let NTP set the clocks of node and hub: certificates fail when they disagree.",
        )
    return f"{skew:+.1f} s"


async def check_image(context: Context) -> str:
    """The node gets the image of a configured software, as a task does; it stays there."""
    if context.software is None:
        raise CheckSkipped("no configured software runs here")
    finding = await _finding(context, "image")
    image = context.software.image
    if "error" in finding:
        advice = _IMAGE_ADVICE.get(str(finding.get("reason")), _REGISTRY_ADVICE)
        raise CheckFailed(f"{image}: {finding['error']}", advice)
    if finding.get("there"):
        return f"{image} is there already"
    seconds = ((await context.find("seconds")) or {}).get("image")
    return f"{image} was pulled" if seconds is None else f"{image} in {seconds:.1f} s"


_REGISTRY_ADVICE = (
    "See that the nodes reach the registry (a proxy may be needed) and that the image is there for"
    " their architecture."
)
_IMAGE_ADVICE = {
    "disk_full": "Give the nodes more room, or set 'image_dir' in 'conf' to storage that has room.",
    "quota_exceeded": "Raise the quota of the account, or set 'image_dir' in 'conf' to other"
    " storage.",
    "out_of_memory": "Give tasks more memory: set 'default_memory' of the resource.",
    "unsupported": "Set 'image_dir' in 'conf' to a directory that the account can make, or that"
    " root has made; leave it out to keep images in 'work_dir'.",
}


async def check_container(context: Context) -> str:
    """The container of a configured software starts there, and its interface answers."""
    if context.software is None:
        raise CheckSkipped("no configured software runs here")
    finding = await _finding(context, "container")
    if "error" in finding:
        raise CheckFailed(
            f"{context.software.name}: {finding['error']}",
            "Start a task of this software: its log tells more. Where the agent is not root, Docker"
            " publishes the port: there the software must not listen on 127.0.0.1 alone.",
        )
    seconds = ((await context.find("seconds")) or {}).get("container")
    answers = f"{context.software.name} answers" + (f" after {seconds:.1f} s" if seconds else "")
    warnings = [WARNINGS[name] for name in finding.get("warnings", ()) if name in WARNINGS]
    return " ".join((f"{answers}.", *warnings)) if warnings else answers


def _speed(answer: dict[str, Any]) -> str:
    return f" in {answer['seconds'] * 1000:.0f} ms" if "seconds" in answer else ""


def agents_url(context: Context) -> str:
    """Where the nodes of this resource reach the service."""
    return str(getattr(context.computing.conf, "agents_url", "") or context.settings.agents_url)


async def _finding(context: Context, name: str) -> dict[str, Any]:
    finding = await context.find(name)
    if not isinstance(finding, dict):
        raise CheckSkipped("the probe has found nothing about it")
    return finding
