"""The image's architectures against those of computing resources."""

from typing import Any

import pytest

from rosetta_hub.catalogue.architectures import Architectures, ArchSupport
from rosetta_hub.catalogue.catalogue import Catalogue, User, load_catalogue
from rosetta_hub.catalogue.families import families_for
from rosetta_hub.catalogue.options import TaskSpec, parse_options, resolve_options
from rosetta_hub.errors import InvalidOptions

ALICE = User("alice")
COMPUTING = [
    {"id": "mac", "name": "Mac", "container_engines": ["docker"], "arch": "arm64"}
    | {"emulated_archs": ["amd64"]},
    {"id": "pc", "name": "PC", "container_engines": ["docker"], "supported_archs": ["386"]},
    {"id": "hpc", "name": "Cluster", "container_engines": ["singularity"], "arch": "ppc64le"},
]


def catalogue(**keys: Any) -> Catalogue:
    software = {"id": "app", "name": "App", "image_name": "org/app", **keys}
    return load_catalogue([software], COMPUTING)


def resolve(result: Catalogue, **options: Any) -> TaskSpec:
    return resolve_options(parse_options({"software": "app", **options}), result, ALICE)


NATIVE = ArchSupport("native")


@pytest.mark.parametrize(
    ("forced", "offered", "support"),
    [
        (None, (), NATIVE),
        (None, ("arm64", "amd64"), NATIVE),
        (None, ("386", "riscv64"), ArchSupport("native", "386")),
        (None, ("arm64",), ArchSupport("emulated", "arm64")),
        (None, ("riscv64", "s390x"), None),
        ("amd64", (), ArchSupport("native", "amd64")),
        ("arm64", ("amd64", "arm64"), ArchSupport("emulated", "arm64")),
        ("s390x", ("amd64", "s390x"), None),
    ],
)
def test_native_ones_are_chosen_before_emulated_ones(
    forced: str | None, offered: tuple[str, ...], support: ArchSupport | None
) -> None:
    assert Architectures("amd64", ["386"], ["arm64"]).choose(forced, offered) == support


def test_a_family_tells_what_runs_it_how_and_what_does_not() -> None:
    (family,) = families_for(catalogue(image_archs=["amd64"]), ALICE)
    (version,) = family["versions"]
    # The one that emulates is the last, although the configuration has it first.
    values = [(resource["id"], resource["support"]) for resource in version["computing"]]
    assert values == [("pc", "native"), ("mac", "emulated")]
    reason = "Its image is for amd64, and this resource runs ppc64le."
    hpc = {"id": "hpc", "name": "Cluster", "reason": reason, "request": ""}
    assert version["unavailable"] == [hpc]


def test_an_image_that_is_a_file_runs_under_singularity_alone() -> None:
    (family,) = families_for(catalogue(image_name="/images/app.sif"), ALICE)
    unavailable = family["versions"][0]["unavailable"]
    assert [item["id"] for item in unavailable] == ["mac", "pc"]
    assert "only Singularity" in unavailable[0]["reason"]


def test_what_is_not_the_users_is_not_told() -> None:
    result = catalogue(image_archs=["s390x"], computing=["pc"])
    (family,) = families_for(result, ALICE)
    assert [item["id"] for item in family["versions"][0]["unavailable"]] == ["pc"]


def test_an_emulated_start_has_to_be_wanted() -> None:
    result = catalogue(image_archs=["amd64"])
    with pytest.raises(InvalidOptions, match=r"emulates it.*'emulated'"):
        resolve(result, computing="mac")
    spec = resolve(result, computing="mac", emulated=True)
    # The engine would not find its own architecture in the image.
    assert (spec.computing.id, spec.software.image_arch) == ("mac", "amd64")
    # A form sends text.
    assert resolve(result, computing="mac", emulated="true").computing.id == "mac"


def test_without_a_choice_a_native_resource_is_taken() -> None:
    spec = resolve(catalogue(image_archs=["amd64"]))
    assert (spec.computing.id, spec.software.image_arch) == ("pc", None)


def test_a_resource_that_does_not_run_the_image_says_why() -> None:
    with pytest.raises(InvalidOptions, match="is for amd64, and this resource runs ppc64le"):
        resolve(catalogue(image_archs=["amd64"]), computing="hpc")
    with pytest.raises(InvalidOptions, match=r"No computing resource.*is for s390x"):
        resolve(catalogue(image_arch="s390x"))
