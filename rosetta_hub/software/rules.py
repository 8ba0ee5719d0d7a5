"""What users may set of their software; what is the administrator's stays the administrator's."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Set
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from rosetta_hub.addresses import AddressGuard
from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.software import HTTP_PROTOCOLS, Software
from rosetta_hub.catalogue.storage_checks import check_home_path
from rosetta_hub.catalogue.validation import VARIABLE_PATTERN, describe_value_fault
from rosetta_hub.database.models_software import OwnerKind, UserSoftware
from rosetta_hub.errors import ConfigError, InvalidOptions, NotAllowed
from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.references import parse_reference
from rosetta_hub.software.settings import UserSoftwareRules
from rosetta_hub.web_hosts import is_loopback, normalise_host

# What all versions of a family have in common.
FAMILY_KEYS = ("name", "description", "keywords")
IMAGE_KEYS = (
    *("registry", "image_name", "image_tag", "image_digest", "image_os", "image_arch"),
    "image_archs",
)
USER_KEYS = (
    *FAMILY_KEYS,
    *IMAGE_KEYS,
    *("interface_port", "interface_protocol", "interface_transport", "interface_path"),
    *("interface_auth", "interface_auth_user", "interfaces", "answer_timeout"),
    *("supports_custom_interface_port", "supports_interface_auth"),
    *("default", "command", "environment", "any_user", "home_path"),
)
# Where a registry of a site's own network may be.
_NETWORKS = AddressGuard(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
# Bytes of an entry as JSON.
LARGEST_ENTRY = 64 << 10
LONGEST_DESCRIPTION = 4000
MOST_KEYWORDS, LONGEST_KEYWORD = 20, 40

NOTHING: Mapping[str, Any] = MappingProxyType({})

_VARIABLE = re.compile(VARIABLE_PATTERN)
# Marks that turn the text around them: a name must not change what stands beside it.
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINES = frozenset("\n\r\t")


def check_entry(
    raw: Mapping[str, Any],
    user: User,
    rules: UserSoftwareRules,
    platform: Catalogue,
    fixed: Mapping[str, Any] = NOTHING,
) -> Software:
    """The software that a user describes, within what the user may set.

    Images of the platform's own catalogue are allowed beside those of `rules.registries`. The
    registry is named in the result: what is checked is what an engine pulls. `fixed` are keys that
    the service sets itself, the image among them where it has built it.

    Raises:
        NotAllowed: the user may not add software, or not with such an interface.
        InvalidOptions: a key or a value can't be used; the message names it.
    """
    check_may_add(user, rules)
    _check_keys(raw, fixed)
    _check_texts(raw)
    try:
        software = Software.model_validate({**raw, **fixed})
    except ValidationError as error:
        raise InvalidOptions(_describe(error)) from error
    _check_amounts(software)
    if software.is_file:
        raise InvalidOptions(
            "Name an image of a registry: only the administrator adds files of a resource."
        )
    _check_protocol(software, user, rules)
    _check_home_path(software, platform)
    if "image_name" in fixed:
        return software
    return _with_registry(software, rules, platform_images(platform, user))


def check_may_add(user: User, rules: UserSoftwareRules) -> None:
    """Refuse users who may not have software of their own.

    Raises:
        NotAllowed: the user is in none of the groups that may.
    """
    if not rules.enabled:
        raise NotAllowed("On this hub only the administrator adds software.")
    if not rules.may_add(user.groups):
        raise NotAllowed("You may not add software here. Ask the administrator for the right.")


def find_refusal(
    row: UserSoftware, software: Software, user: User, rules: UserSoftwareRules, images: Set[str]
) -> str | None:
    """Why software that was stored may not be started any more; None where it may.

    The configuration may have changed since, or the user's groups. Members of a group run what is
    shared with it, whatever they may add themselves. `images` is what `platform_images` tells.
    """
    if row.blocked is not None:
        return f"An administrator has blocked this software: {row.blocked}"
    try:
        if row.owner_kind is OwnerKind.USER:
            check_may_add(user, rules)
            _check_protocol(software, user, rules)
        if row.build is None:
            _with_registry(software, rules, images)
    except (NotAllowed, InvalidOptions) as error:
        return str(error)
    return None


def _check_keys(raw: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    for key in raw:
        if key in fixed and raw[key] != fixed[key]:
            raise InvalidOptions(
                f"The key {key!r} of this software can't be changed. Add the other one as new"
                " software."
            )
        if key in USER_KEYS:
            continue
        if key in Software.model_fields:
            raise InvalidOptions(
                f"Only the administrator may set {key!r}. Leave it out, or ask the administrator."
            )
        raise InvalidOptions(f"There is no key {key[:80]!r}. Keys: {', '.join(USER_KEYS)}.")
    if len(json.dumps(raw)) > LARGEST_ENTRY:
        raise InvalidOptions(f"The entry is too large: at most {LARGEST_ENTRY >> 10} KiB.")


def _check_texts(raw: Mapping[str, Any]) -> None:
    """Refuse characters that no text has: databases, engines and pages would each do their own."""
    for key, value in raw.items():
        lines = _LINES if key in ("description", "environment", "command") else frozenset()
        for letters in _letters(value):
            if any(
                unicodedata.category(character) in ("Cc", "Cs") for character in letters - lines
            ):
                raise InvalidOptions(f"The key {key!r} holds control characters. Remove them.")
            if letters & _BIDIRECTIONAL:
                raise InvalidOptions(
                    f"The key {key!r} holds marks that turn the text around it. Remove them."
                )


def _letters(value: Any) -> Iterator[set[str]]:
    """The letters of each text within a value, keys of dicts included."""
    if isinstance(value, str):
        yield set(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield set(key)
            yield from _letters(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _letters(item)


def _describe(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    message = describe_value_fault(fault)
    if not fault["loc"]:
        return f"The software can't be used: {message}."
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"The key {key!r} is required."
    return f"The key {key!r} can't be used: {message}."


def _check_amounts(software: Software) -> None:
    if len(software.description) > LONGEST_DESCRIPTION:
        raise InvalidOptions(f"The description has more than {LONGEST_DESCRIPTION} characters.")
    longest = max(map(len, software.keywords), default=0)
    if len(software.keywords) > MOST_KEYWORDS or longest > LONGEST_KEYWORD:
        raise InvalidOptions(
            f"Use at most {MOST_KEYWORDS} keywords of at most {LONGEST_KEYWORD} characters."
        )
    for name in software.environment:
        if not _VARIABLE.fullmatch(name):
            raise InvalidOptions(
                f"{name[:80]!r} is not a name of an environment variable: use letters, digits and"
                " underscores."
            )


def _check_protocol(software: Software, user: User, rules: UserSoftwareRules) -> None:
    if software.interface_protocol in HTTP_PROTOCOLS or rules.is_power_user(user.groups):
        return
    raise NotAllowed(
        f"You may add software with the interfaces {' and '.join(sorted(HTTP_PROTOCOLS))}, not with"
        f" {software.interface_protocol!r}. Ask the administrator for the right."
    )


def _check_home_path(software: Software, platform: Catalogue) -> None:
    if not software.home_path:
        return
    try:
        check_home_path(software.name, software.home_path, platform.storages.values())
    except ConfigError as error:
        raise InvalidOptions(
            f"The home directory can't be at {software.home_path!r}: a storage is there. Use"
            " another 'home_path'."
        ) from error


def platform_images(platform: Catalogue, user: User) -> Set[str]:
    """The repositories of the platform's own software for the user, as the configuration has them.

    These may be images that no registry has, such as those on the resource itself.
    """
    return {
        version.repository for family in platform.families_for(user) for version in family.versions
    }


def _with_registry(software: Software, rules: UserSoftwareRules, images: Set[str]) -> Software:
    """The software with its registry and repository in one spelling."""
    if software.repository in images:
        return software
    try:
        reference = parse_reference(f"{software.repository}:{software.image_tag}")
    except RegistryRefused as error:
        raise InvalidOptions(f"The image can't be used: {error}") from error
    if not rules.names(reference.host) and _is_of_machine(reference.host):
        raise InvalidOptions(
            f"{reference.host!r} is no registry: name the one that the image comes from."
        )
    if not rules.allows(reference.name):
        raise InvalidOptions(
            f"Images of {reference.name} may not be used here. Allowed: "
            f"{', '.join(rules.registries)}."
        )
    return software.model_copy(
        update={"registry": reference.host, "image_name": reference.repository}
    )


def _is_of_machine(host: str) -> bool:
    """Whether a registry would be the resource's machine itself, or what only that one reaches.

    An engine asks it without the walls around containers, and on loopback addresses without TLS.
    """
    parts = urlsplit(f"//{host}")
    try:
        name = normalise_host(parts.hostname or "").strip("[]")
        return is_loopback(name) or not _NETWORKS.permits(name)
    except ValueError:
        # A name.
        return False
