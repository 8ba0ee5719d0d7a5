"""A catalogue to look at."""

from typing import Any

GB = 1 << 30

LOCAL = {
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
}
AMONRA = {
    "id": "amonra",
    "name": "Amonra",
    "description": "A powerful multi-core server.",
    "type": "standalone",
    "engines": [{"engine": "singularity", "runtimes": []}],
    "limits": {"cpus": None, "memory": None},
    "defaults": {"engine": "singularity", "cpus": None, "memory": None},
}


def card(
    name: str, description: str, tags: list[str], tag: str = "latest", **more: Any
) -> dict[str, Any]:
    """A card with one version on both resources, unless more is said."""
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
    return [
        card(
            "Jupyter Notebook",
            "JupyterLab with NumPy, SciPy and Matplotlib.",
            ["notebook", "python"],
            "4.2",
        ),
        card(
            "CASA",
            "Common Astronomy Software Applications in a full desktop, with carta and plotms.",
            ["astronomy", "desktop"],
            versions=[
                {"tag": "6.6", "default": False, "computing": [LOCAL]},
                {"tag": "6.5", "default": True, "computing": [LOCAL, AMONRA]},
                {"tag": "5.6", "default": False, "computing": [AMONRA]},
            ],
        ),
        card("Basic Desktop", "Xfce with a terminal and a browser.", ["desktop"]),
        card("Aladin", "The interactive sky atlas, without a desktop around.", ["astronomy"]),
        card(
            "SSH Server",
            "A shell with X forwarding.",
            ["shell"],
            interface={"protocol": "ssh"},
        ),
        card(
            "JupyterHub as before",
            "The notebook server that this hub has always started.",
            ["notebook"],
            kind="native",
            versions=[],
            own_form='<div class="field"><label for="profile">Profile</label>'
            '<input class="form-control" id="profile" name="profile" required></div>',
        ),
    ]
