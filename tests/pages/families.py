"""A catalogue to look at."""

import copy
from typing import Any

GB = 1 << 30
HOUR = 3600
NO_TIME = {"default": None, "max": None}


def storage(name: str, path: str, **more: Any) -> dict[str, Any]:
    """A directory that tasks get at that path."""
    return {
        "id": name.lower(),
        "name": name,
        "description": "",
        "path": path,
        "home": False,
        "read_only": False,
    } | more


HOME = storage("Home", "/home/metauser", home=True, description="Kept, and saved every night.")
SCRATCH = storage("Scratch", "/storages/scratch")
ATLAS = storage("Atlas", "/data", read_only=True)

LOCAL: dict[str, Any] = {
    "id": "local",
    "name": "This machine",
    "description": "Good for trying things out.",
    "type": "standalone",
    "engines": [
        {"engine": "docker", "runtimes": ["runc", "runsc"]},
        {"engine": "podman", "runtimes": []},
    ],
    "limits": {"cpus": 4, "memory": 8 * GB},
    "defaults": {"engine": "docker", "cpus": 1, "memory": 2 * GB},
    "storages": [HOME, SCRATCH, ATLAS],
    "extra_binds": ["/data", "/scratch"],
}
AMONRA: dict[str, Any] = {
    "id": "amonra",
    "name": "Amonra",
    "description": "A powerful multi-core server.",
    "type": "standalone",
    "engines": [{"engine": "singularity", "runtimes": []}],
    "limits": {"cpus": None, "memory": None},
    "defaults": {"engine": "singularity", "cpus": None, "memory": None},
}
LOCAL |= {"wms": "none", "auth_mode": "internal", "sizes": [], "time": NO_TIME}
AMONRA |= {"wms": "none", "auth_mode": "internal", "sizes": [], "time": NO_TIME}


def size(name: str, **more: Any) -> dict[str, Any]:
    """A size of the simple form; what is not said is the resource's default."""
    keys = ("cpus", "memory", "time", "gpus", "gpu_type", "partition")
    return {"name": name, "label": "", **dict.fromkeys(keys), **more}


VEGA: dict[str, Any] = {
    "id": "vega",
    "name": "Vega",
    "description": "The institute's cluster.",
    "type": "cluster",
    "wms": "slurm",
    "auth_mode": "platform_keys",
    "engines": [
        {"engine": "singularity", "runtimes": []},
        {"engine": "docker", "runtimes": ["runc", "runsc"]},
    ],
    "limits": {"cpus": 64, "memory": 512 * GB},
    "defaults": {"engine": "singularity", "cpus": 2, "memory": 4 * GB},
    "time": {"default": 2 * HOUR, "max": 72 * HOUR},
    "sizes": [
        size("small"),
        size("medium", cpus=8, memory=32 * GB, time=8 * HOUR),
        size("large", label="Large, with GPUs", cpus=32, memory=128 * GB, time=24 * HOUR)
        | {"gpus": 2, "gpu_type": "a100", "partition": "gpu"},
    ],
}
CLOUD = VEGA | {
    "id": "cloud",
    "name": "Science cloud",
    "description": "Kubernetes of the computing centre.",
    "wms": "kubernetes",
    "auth_mode": "certificate",
    "engines": [{"engine": "internal", "runtimes": ["runc", "kata"]}],
    "limits": {"cpus": 16, "memory": 64 * GB},
    "defaults": {"engine": "internal", "cpus": 1, "memory": 4 * GB},
    "time": {"default": None, "max": 12 * HOUR},
    "sizes": [],
}
PERUN = VEGA | {
    "id": "perun",
    "name": "Perun",
    "description": "With your own account.",
    "auth_mode": "user_keys",
    "engines": [{"engine": "singularity", "runtimes": []}],
    "limits": {"cpus": None, "memory": None},
    "defaults": {"engine": "singularity", "cpus": None, "memory": None},
    "time": NO_TIME,
    "sizes": [],
}


def partition(name: str, **more: Any) -> dict[str, Any]:
    """A partition of Vega: four nodes of 16 cores, unless more is said."""
    return {
        "name": name,
        "state": "up",
        "default": False,
        "max_time": 24 * HOUR,
        "max_cpus": 16,
        "max_memory": 64 * GB,
        "cpus_total": 64,
        "cpus_idle": 12,
        "nodes_total": 4,
        "nodes_idle": 1,
        "gpus": [],
        "accounts": None,
        "qos": None,
        "features": [],
    } | more


def inventory() -> dict[str, Any]:
    """What the service knows of Vega."""
    gpus = [
        {"type": "a100", "total": 8, "idle": 3, "per_node": 4},
        {"type": "v100", "total": 4, "idle": 0, "per_node": 2},
    ]
    return {
        "collected": "2026-01-01T14:02:00Z",
        "error": None,
        "partitions": [
            partition("main", default=True, qos=["normal", "long"], features=["avx512", "ib"]),
            partition("gpu", max_cpus=64, max_time=72 * HOUR, gpus=gpus, accounts=["astro"]),
            partition("old", state="drain"),
        ],
        "accounts": [
            {"name": "astro", "default": True, "qos": ["normal", "long", "gpu"]},
            {"name": "teaching", "default": False, "qos": ["normal"]},
        ],
        "qos": [
            {"name": "normal", "max_time": 8 * HOUR, "max_cpus": 8},
            {"name": "long", "max_time": None, "max_cpus": 4},
            {"name": "gpu", "max_time": None, "max_cpus": None},
        ],
    }


def pools(*names: str) -> dict[str, Any]:
    """What the service knows of a Kubernetes cluster: the pools of its configuration."""
    unknown = dict.fromkeys(("max_time", "max_cpus", "max_memory"))
    none = dict.fromkeys(("cpus_total", "cpus_idle", "nodes_total", "nodes_idle"), 0)
    values = [partition(name, **unknown, **none) for name in names]
    return {**inventory(), "partitions": values, "accounts": [], "qos": []}


def family(
    name: str, description: str, tags: list[str], tag: str = "latest", **more: Any
) -> dict[str, Any]:
    """A family with one version on both resources, unless more is said."""
    return {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "description": description,
        "logo": "",
        "tags": tags,
        "kind": "container",
        "interface": {"protocol": "http"},
        "versions": [{"tag": tag, "default": True, "computing": [LOCAL, AMONRA]}],
        "own_form": "",
    } | more


def catalogue() -> list[dict[str, Any]]:
    """Containers of several kinds, and a native entry with a form of its own."""
    families = [
        family(
            "Jupyter Notebook",
            "JupyterLab with NumPy, SciPy and Matplotlib.",
            ["notebook", "python"],
            versions=[{"tag": "4.2", "default": True, "computing": [LOCAL, AMONRA, VEGA, PERUN]}],
        ),
        family(
            "CASA",
            "Common Astronomy Software Applications in a full desktop, with carta and plotms.",
            ["astronomy", "desktop"],
            versions=[
                {"tag": "6.6", "default": False, "computing": [LOCAL]},
                {"tag": "6.5", "default": True, "computing": [LOCAL, AMONRA]},
                {"tag": "5.6", "default": False, "computing": [AMONRA]},
            ],
        ),
        family("Basic Desktop", "Xfce with a terminal and a browser.", ["desktop"]),
        family("Aladin", "The interactive sky atlas, without a desktop around.", ["astronomy"]),
        family(
            "SSH Server",
            "A shell with X forwarding.",
            ["shell"],
            interface={"protocol": "ssh"},
        ),
        family(
            "JupyterHub as before",
            "The notebook server that this hub has always started.",
            ["notebook"],
            kind="native",
            versions=[],
            own_form='<div class="field"><label for="profile">Profile</label>'
            '<input class="form-control" id="profile" name="profile" required></div>',
        ),
    ]
    # Tests change what is in them; the resources are shared.
    return copy.deepcopy(families)
