"""The command lines of podman and docker; pure."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

#: With them a build would get past the rules of its network (network.py), or to raw disks.
DROPPED = ("NET_ADMIN", "NET_RAW", "MKNOD")
_PERIOD = 100000


class Store(NamedTuple):
    """A store of podman's: where its images are, and its temporary files."""

    root: str
    run: str

    @property
    def transport(self) -> str:
        """In front of a name, for podman's option to copy into it."""
        return "containers-storage:[overlay@{}+{}]".format(self.root, self.run)


class BuildCommand(NamedTuple):
    """What is built, and within which bounds.

    ``group`` is the path of the control group of what is run.
    """

    tag: str
    context: str
    dockerfile: str
    id_file: str
    request: Mapping[str, Any]
    open_files: int
    group: Optional[str] = None


def podman(
    store: Optional[Store], images: Optional[str], *arguments: str, runtime: str = ""
) -> List[str]:
    """Podman with a store of its own, and with the images of another one for reading."""
    command = ["podman"]
    if store is not None:
        command += ["--root", store.root, "--runroot", store.run, "--storage-driver", "overlay"]
    if images is not None:
        command += ["--storage-opt", "overlay.imagestore={}".format(images)]
    if runtime:
        command += ["--runtime", runtime]
    return [*command, *arguments]


def podman_build(build: BuildCommand, store: Store, images: str, confined: bool) -> List[str]:
    """The command that builds with podman; ``confined``: in the network that it is started in."""
    request = build.request
    command = podman(store, images, "--cgroup-manager", "cgroupfs", runtime=str(request["runtime"]))
    command += ["build", "--pull=missing", "--layers=false", "--force-rm", "--http-proxy=false"]
    command += ["--cap-drop=" + name for name in DROPPED]
    if confined:
        command.append("--network=host")
    if build.group is not None:
        command.append("--cgroup-parent=" + build.group)
    command += ["--ulimit", "nofile={0}:{0}".format(build.open_files), "--ulimit", "core=0:0"]
    for source, target in sorted(request["binds"].items()):
        command += ["--volume", "{}:{}:ro".format(source, target)]
    return [*command, *_common(build)]


def docker_build(build: BuildCommand, has_buildx: bool) -> List[str]:
    """The command that builds with docker."""
    request = build.request
    command = ["docker", "build", "--force-rm", "--label", "rosetta.build=" + request["id"]]
    if has_buildx:
        command.append("--progress=plain")
    memory = str(request["memory"])
    command += ["--memory", memory, "--memory-swap", memory]
    command += ["--cpu-period", str(_PERIOD), "--cpu-quota", str(int(request["cpus"] * _PERIOD))]
    command += ["--ulimit", "nofile={0}:{0}".format(build.open_files), "--ulimit", "core=0:0"]
    if request["network"]:
        command += ["--network", request["network"]]
    if build.group is not None:
        command += ["--cgroup-parent", build.group]
    return [*command, *_common(build)]


def _common(build: BuildCommand) -> List[str]:
    arguments: Dict[str, str] = build.request["build_args"]
    command = ["--iidfile", build.id_file, "--tag", build.tag, "--file", build.dockerfile]
    for name, value in sorted(arguments.items()):
        command += ["--build-arg", "{}={}".format(name, value)]
    return [*command, build.context]
