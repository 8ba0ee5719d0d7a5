"""Software and engines of the catalogue: images that are files, names of engines."""

from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import Catalogue, User, load_catalogue
from rosetta_hub.catalogue.families import computing_dict
from rosetta_hub.catalogue.interfaces import Interface, find_interface
from rosetta_hub.catalogue.options import TaskOptions, resolve_options
from rosetta_hub.errors import ConfigError, InvalidOptions

ALICE = User("alice")
BOTH = {"id": "both", "name": "Both", "container_engines": ["docker", "apptainer"]}
DOCKER = {"id": "docker", "name": "Docker", "container_engines": ["docker"]}


def catalogue(*computing: dict[str, Any], **software: Any) -> Catalogue:
    """One software on these resources."""
    return load_catalogue([{"name": "CASA", **software}], computing)


@pytest.mark.parametrize(
    ("keys", "reference"),
    [
        ({"image_name": "/cvmfs/sw/casa.sif"}, "/cvmfs/sw/casa.sif"),
        ({"image_name": "/cvmfs/sw/casa.sif", "image_tag": "6.5"}, "/cvmfs/sw/casa.sif"),
        ({"image_name": "/cvmfs/unpacked/casa:6.5"}, "/cvmfs/unpacked/casa:6.5"),
        ({"image_name": "docker-archive:/data/casa.tar"}, "docker-archive:/data/casa.tar"),
        ({"image_name": "casa"}, "casa:latest"),
        ({"image_name": "casa", "registry": "r.org", "image_tag": "6.5"}, "r.org/casa:6.5"),
    ],
)
def test_reference(keys: dict[str, Any], reference: str) -> None:
    (family,) = catalogue(BOTH, **keys).software.values()
    assert family.default.image == reference


@pytest.mark.parametrize(
    "keys",
    [
        {"image_name": "/sw/casa.sif", "registry": "r.org"},
        {"image_name": "/sw/casa.sif", "image_digest": "sha256:" + "a" * 64},
        {"image_name": "/sw/ca\nsa.sif"},
        {"image_name": "docker-archive:casa.tar", "image_tag": "a b"},
        {"image_name": "casa", "image_tag": ""},
    ],
)
def test_what_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        catalogue(BOTH, **keys)


def test_files_run_under_singularity_alone() -> None:
    result = catalogue(DOCKER, BOTH, image_name="/sw/casa.sif")
    options = TaskOptions(software="casa")
    spec = resolve_options(options, result, ALICE)
    assert (spec.computing.id, spec.engine) == ("both", "singularity")
    with pytest.raises(InvalidOptions, match="Engines: singularity"):
        resolve_options(options.model_copy(update={"engine": "docker"}), result, ALICE)
    view = computing_dict(spec.computing, spec.software)
    assert [engine["engine"] for engine in view["engines"]] == ["singularity"]
    assert view["defaults"]["engine"] == "singularity"


def test_versions_of_a_family_may_be_files() -> None:
    entries = [
        {"name": "CASA", "image_name": f"/sw/casa-{tag}.sif", "image_tag": tag} for tag in "67"
    ]
    (family,) = load_catalogue(entries, [BOTH]).software.values()
    assert [version.image_tag for version in family.versions] == ["6", "7"]


@pytest.mark.parametrize("key", ["prologue", "pass_variables"])
def test_keys_of_batch_jobs(key: str) -> None:
    entry: dict[str, Any] = {"id": "x", "name": "X", "access_mode": "ssh"}
    entry["container_engines"] = ["apptainer"]
    entry["conf"] = {"host": "x", key: ["SLURM_JOB_ID"]}
    with pytest.raises(ConfigError, match=f"conf.{key}"):
        catalogue(entry, image_name="x")
    (result,) = catalogue({**entry, "wms": "slurm"}, image_name="x").computing.values()
    assert getattr(result.conf, key) == ("SLURM_JOB_ID",)


def engine_options(**options: Any) -> dict[str, Any]:
    (computing,) = catalogue(
        {**BOTH, "conf": {"engine_options": options}}, image_name="x"
    ).computing.values()
    return dict(computing.conf.engine_options)


def test_apptainer_is_singularity_in_engine_options() -> None:
    assert engine_options(apptainer=["--fakeroot"]) == {"singularity": ("--fakeroot",)}


@pytest.mark.parametrize(
    "options", [{"appptainer": ["-x"]}, {"apptainer": ["-x"], "singularity": ["-y"]}]
)
def test_engine_options_of_nobody(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="apptainer"):
        engine_options(**options)


DASHBOARD = {"name": "Dashboard", "port": 8787}


def test_further_interfaces_have_a_protocol_and_a_path() -> None:
    named = {"name": "Board", "port": 6006, "protocol": "https", "path": "/#scalars"}
    (family,) = catalogue(BOTH, image_name="casa", interfaces=[DASHBOARD, named]).software.values()
    assert [interface.model_dump() for interface in family.default.interfaces] == [
        {**DASHBOARD, "protocol": "http", "path": "/"},
        named,
    ]


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        ([{"name": "Dashboard"}], "the key 'interfaces.0.port' is required"),
        ([DASHBOARD | {"protocol": "ssh"}], "'http' or 'https'"),
        ([DASHBOARD | {"port": 0}], "greater than or equal to 1"),
        ([DASHBOARD | {"path": "status"}], "write a path that begins with /"),
        ([DASHBOARD | {"name": "8787"}], "a name that is a number"),
        ([DASHBOARD | {"users": ["alice"]}], "unknown key 'interfaces.0.users'"),
        ([DASHBOARD, DASHBOARD | {"name": "Other"}], "the port 8787 is there twice"),
        ([DASHBOARD, {"name": "dashboard", "port": 8788}], "are called 'dashboard'"),
        ([DASHBOARD | {"port": 8888}], "the port 8888 is there twice"),
        ([{"name": f"I{n}", "port": n} for n in range(1, 10)], "at most 8 items"),
    ],
)
def test_what_is_refused_of_interfaces(interfaces: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        catalogue(BOTH, image_name="casa", interfaces=interfaces)


@pytest.mark.parametrize("key", ["Dashboard", "dashboard", "8787"])
def test_an_interface_is_found_by_its_name_or_port(key: str) -> None:
    interfaces = [Interface(name="Other", port=8788), Interface.model_validate(DASHBOARD)]
    assert find_interface(interfaces, key) == interfaces[1]
    assert find_interface(interfaces, "8888") is None


@pytest.mark.parametrize("address", ["/hub/logo", "https://example.org/a.png"])
def test_a_screenshot_has_an_address(address: str) -> None:
    family = catalogue(image_name="casa", screenshot=address).software["casa"]
    assert family.default.screenshot == address


@pytest.mark.parametrize(
    "address",
    ["//evil.example/a", "/\\evil.example/a", "http://example.org/a", "javascript:x", "a"],
)
def test_a_screenshot_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="write an https address"):
        catalogue(image_name="casa", screenshot=address)
