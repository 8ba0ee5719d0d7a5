"""The catalogue as pages and the REST API show it: plain dicts, ready for JSON."""

from dataclasses import asdict
from typing import Any

from rosetta_hub.catalogue.bound_storages import bind_target
from rosetta_hub.catalogue.catalogue import Catalogue, User, may_use
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_view import view_computing
from rosetta_hub.catalogue.software import Software, SoftwareFamily
from rosetta_hub.catalogue.software_owner import PLATFORM
from rosetta_hub.catalogue.storages import Storage


def families_for(catalogue: Catalogue, user: User) -> list[dict[str, Any]]:
    """Every family that the user may start, in the order of the configuration."""
    return [family_dict(family, user, catalogue) for family in catalogue.families_for(user)]


def denied_families(catalogue: Catalogue, user: User) -> list[dict[str, Any]]:
    """The families that the user sees and may not start, with the `reason`.

    `request` is the address where access can be asked for, empty where there is none.
    """
    return [
        {
            "name": software.name,
            "description": software.description,
            "tags": list(software.keywords),
            "reason": software.audience,
            "request": software.access_request,
        }
        for software in catalogue.denied_to(user)
    ]


def family_dict(family: SoftwareFamily, user: User, catalogue: Catalogue) -> dict[str, Any]:
    """One family; `family` holds the user's versions only, as `Catalogue.families_for` gives it.

    Each version carries the computing resources on which the user may run it, as
    `computing_dict` describes them, with the user's `storages` there and `support`, `native` or
    `emulated`; `unavailable` are those that do not run its image, with the `reason`. `computing` of
    the family is the ids of all that do. A native family has none: the hub starts it by itself.

    `owner` says whose the family is. Versions that users have added have `id` and `revision`;
    `refused` says why a version can't be started, and is null where it can.
    """
    default = family.default
    versions = [] if default.kind == "native" else list(family.versions)
    described = [_version_dict(version, family, user, catalogue) for version in versions]
    ids = {resource["id"]: None for version in described for resource in version["computing"]}
    return {
        "id": family.id,
        "name": default.name,
        "description": default.description,
        "logo": default.logo,
        "screenshot": default.screenshot,
        "tags": list(default.keywords),
        "kind": default.kind,
        "owner": asdict(family.owner),
        "editable": family.owner != PLATFORM,
        "interface": {"protocol": default.interface_protocol},
        "versions": described,
        "computing": list(ids),
    }


def computing_dict(computing: Computing, software: Software | None = None) -> dict[str, Any]:
    """One computing resource, ready for JSON; see `view_computing`."""
    return view_computing(computing, software).model_dump(mode="json")


def _storage_dict(storage: Storage, software: Software) -> dict[str, Any]:
    """One storage as a task of a software has it: `path` is in the container."""
    return {
        "id": storage.id,
        "name": storage.name,
        "description": storage.description,
        "path": bind_target(storage, software),
        "home": storage.home,
        "read_only": storage.read_only,
    }


def _version_dict(
    software: Software, family: SoftwareFamily, user: User, catalogue: Catalogue
) -> dict[str, Any]:
    resources = [
        {
            **computing_dict(resource, software),
            "support": resource.support(software),
            "storages": [
                _storage_dict(storage, software)
                for storage in catalogue.storages_for(user, resource.id)
            ],
            "denied_storages": [
                {
                    "name": storage.name,
                    "reason": storage.audience,
                    "request": storage.access_request,
                }
                for storage in catalogue.denied_storages(user, resource.id)
            ],
        }
        for resource in catalogue.computing_for(user, software)
    ]
    record = family.record(software)
    return {
        "tag": software.image_tag,
        "default": software is family.default,
        "image": software.image,
        "digest": software.image_digest or record.digest,
        "id": record.id,
        "revision": record.revision,
        "refused": record.refused or record.verdict,
        "computing": resources,
        "unavailable": [
            {
                "id": resource.id,
                "name": resource.name,
                "reason": reason,
                "request": _request_of(resource, user),
            }
            for resource, reason in catalogue.unavailable_for(user, software)
        ],
    }


def _request_of(computing: Computing, user: User) -> str:
    return "" if may_use(user, computing) else computing.access_request
