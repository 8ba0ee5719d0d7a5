"""What users may set of their software, and what they are told where they may not."""

from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.software import Software
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError, InvalidOptions, NotAllowed
from rosetta_hub.software.rules import USER_KEYS, check_entry
from rosetta_hub.software.settings import UserSoftwareRules
from tests.support.catalogues import LOCAL

PLATFORM = load_catalogue(
    [
        {"name": "Echo", "image_name": "site/echo"},
        {"name": "Own", "image_name": "x", "users": ["x"]},
    ],
    [LOCAL],
    storages=[
        {"name": "Home", "computing": "local", "base_path": "/h/$USER", "bind_path": "/home/u"}
        | {"home": True},
        {"name": "Data", "computing": "local", "base_path": "/d", "bind_path": "/data"},
    ],
)
USER, POWER = User("alice", frozenset({"team"})), User("pat", frozenset({"staff"}))
ADMIN = User("root", frozenset(), admin=True)
APP: dict[str, Any] = {"name": "App", "image_name": "ghcr.io/team/app"}
SSH: dict[str, Any] = APP | {
    **{"interface_protocol": "ssh", "interface_port": 22, "interface_auth": "password"},
    "supports_interface_auth": True,
}
ANYTHING = UserSoftwareRules()
RULES = UserSoftwareRules(power_groups=frozenset({"staff"}))
BOUNDED = UserSoftwareRules(registries=("ghcr.io/team", "docker.io"))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"image_name": "ghcr.io/team/app"}, ("ghcr.io", "team/app")),
        ({"registry": "GHCR.io", "image_name": "team/app"}, ("ghcr.io", "team/app")),
        ({"registry": "ghcr.io/team", "image_name": "app"}, ("ghcr.io", "team/app")),
        ({"image_name": "python"}, ("docker.io", "library/python")),
        ({"registry": "docker.io", "image_name": "python"}, ("docker.io", "library/python")),
        # As the configuration writes it, which may mean an image that is on the resource.
        ({"image_name": "site/echo"}, ("", "site/echo")),
    ],
)
def test_the_registry_is_named(image: dict[str, str], expected: tuple[str, str]) -> None:
    software = check_entry({"name": "App"} | image, USER, BOUNDED, PLATFORM)
    assert (software.registry, software.image_name) == expected


@pytest.mark.parametrize(
    "rules",
    [
        UserSoftwareRules(registries=("127.0.0.1:5000/team",)),
        Rosetta(registries=[{"host": "127.0.0.1:5000"}]).user_software_rules(),
    ],
)
def test_registries_of_the_configuration_may_be_on_the_machine(rules: UserSoftwareRules) -> None:
    entry = APP | {"image_name": "127.0.0.1:5000/team/app"}
    assert check_entry(entry, USER, rules, PLATFORM).registry == "127.0.0.1:5000"
    elsewhere = APP | {"image_name": "127.0.0.1:5001/team/app"}
    with pytest.raises(InvalidOptions, match="is no registry"):
        check_entry(elsewhere, USER, rules, PLATFORM)


def test_registries_of_a_private_network() -> None:
    entry = APP | {"image_name": "10.0.0.5:5000/app"}
    assert check_entry(entry, USER, ANYTHING, PLATFORM).registry == "10.0.0.5:5000"


@pytest.mark.parametrize(
    "name",
    [
        "ghcr.io/teams/app",
        "ghcr.io/other/app",
        "quay.io/team/app",
        "ghcr.io:443/team/app",
        "docker.io.evil.org/x",
    ],
)
def test_images_of_other_registries_are_refused(name: str) -> None:
    with pytest.raises(InvalidOptions, match=r"may not be used here. Allowed: ghcr.io/team, doc"):
        check_entry(APP | {"image_name": name}, USER, BOUNDED, PLATFORM)


@pytest.mark.parametrize(
    "name",
    ["ghcr.io/team/../other/app", "ghcr.io//team/app", "ghcr.io/team/app:1", "ghcr.io/Team/x"],
)
def test_names_that_registries_do_not_have_are_refused(name: str) -> None:
    with pytest.raises(InvalidOptions, match="The image can't be used"):
        check_entry(APP | {"image_name": name}, USER, BOUNDED, PLATFORM)


def test_images_of_the_configuration_are_those_of_the_users_software() -> None:
    """The entry is another user's: its image is nobody else's to take for granted."""
    rules = UserSoftwareRules(registries=("ghcr.io",))
    check_entry({"name": "Echo", "image_name": "site/echo"}, USER, rules, PLATFORM)
    with pytest.raises(InvalidOptions, match="may not be used here"):
        check_entry({"name": "X", "image_name": "x"}, USER, rules, PLATFORM)


ADMINISTRATORS = sorted(Software.model_fields.keys() - set(USER_KEYS))


def test_the_keys_of_administrators() -> None:
    """A new key of `Software` is not the users' unless somebody decides so."""
    assert [
        *("access_request", "add_capabilities", "computing", "container_user", "engines"),
        *("groups", "home_user"),
        *("id", "kind"),
        *("logo", "new_privileges", "pids", "pull", "read_only_root", "screenshot"),
        *("spawner_class", "spawner_config", "spawner_environment", "users", "when_not_allowed"),
    ] == ADMINISTRATORS


@pytest.mark.parametrize("key", ADMINISTRATORS)
@pytest.mark.parametrize("user", [USER, POWER, ADMIN])
def test_keys_of_administrators_are_refused(key: str, user: User) -> None:
    default = Software.model_fields[key].get_default(call_default_factory=True)
    with pytest.raises(InvalidOptions, match=f"Only the administrator may set '{key}'"):
        check_entry(APP | {key: default}, user, RULES, PLATFORM)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"nmae": "x"}, "There is no key 'nmae'. Keys: name, "),
        ({"interface_port": 0}, "The key 'interface_port' can't be used: "),
        ({"interface_port": "x" * 100_000}, "The entry is too large: at most 64 KiB."),
        ({"name": "x" * 81}, "The key 'name' can't be used: "),
        ({"name": ""}, "The key 'name' can't be used: "),
        ({"name": "a\nb"}, "The key 'name' holds control characters"),
        ({"name": "a\x00"}, "The key 'name' holds control characters"),
        ({"name": "\ud800"}, "The key 'name' holds control characters"),
        ({"name": "a\u202eb"}, "The key 'name' holds marks that turn the text"),
        ({"keywords": ["a\u2066"]}, "The key 'keywords' holds marks that turn the text"),
        ({"keywords": ["a"] * 21}, "at most 20 keywords"),
        ({"keywords": ["a" * 41]}, "at most 40 characters"),
        ({"description": "x" * 4001}, "more than 4000 characters"),
        ({"environment": {"A-B": "1"}}, "'A-B' is not a name of an environment variable"),
        ({"environment": {"A\x00": "1"}}, "The key 'environment' holds control characters"),
        ({"command": ["a\x1b[0m"]}, "The key 'command' holds control characters"),
        ({"image_name": "/images/app.sif"}, "Name an image of a registry"),
        ({"image_name": "docker-archive:/images/app.tar"}, "Name an image of a registry"),
        ({"image_name": "localhost/app"}, "'localhost' is no registry"),
        ({"image_name": "127.0.0.1:8081/app"}, "'127.0.0.1:8081' is no registry"),
        ({"image_name": "127.1/app"}, "'127.1' is no registry"),
        ({"image_name": "hub.localhost:80/app"}, "'hub.localhost:80' is no registry"),
        ({"registry": "169.254.169.254", "image_name": "app"}, "'169.254.169.254' is no registry"),
        ({"image_name": "0.0.0.0:8081/app"}, "'0.0.0.0:8081' is no registry"),
        ({"image_name": "-v"}, "The key 'image_name' can't be used: "),
        ({"image_tag": "a b"}, "The key 'image_tag' can't be used: "),
        ({"image_digest": "sha256:1"}, "The key 'image_digest' can't be used: "),
        ({"home_path": "/data/x"}, "The home directory can't be at '/data/x'"),
        ({"interface_auth": "password"}, "The software can't be used: "),
    ],
)
def test_what_is_wrong_is_told(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptions) as error:
        check_entry(APP | entry, USER, RULES, PLATFORM)
    assert str(error.value).startswith(message) or message in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    "name",
    [
        "Größe",
        "数据分析",
        "مختبر",
        "🔭 télescope",
        "<script>alert(1)</script>",
        "\"'`${7*7}{{7*7}}",
        "a" * 80,
        "👩\u200d🔬",
    ],
)
def test_names_in_every_script(name: str) -> None:
    assert check_entry(APP | {"name": name}, USER, RULES, PLATFORM).name == name


def test_texts_of_several_lines() -> None:
    entry = {"description": "a\n\tb", "environment": {"A": "1\n2"}, "command": ["sh", "-c", "a\nb"]}
    software = check_entry(APP | entry, USER, RULES, PLATFORM)
    assert (software.description, software.environment) == ("a\n\tb", {"A": "1\n2"})


def test_other_protocols_are_for_power_users() -> None:
    assert check_entry(SSH, POWER, RULES, PLATFORM).interface_protocol == "ssh"
    for user, rules in ((USER, RULES), (ADMIN, RULES), (POWER, ANYTHING)):
        with pytest.raises(NotAllowed, match="interfaces http and https, not with 'ssh'"):
            check_entry(SSH, user, rules, PLATFORM)


def test_who_may_add_software() -> None:
    staff = UserSoftwareRules(groups=frozenset({"staff"}))
    check_entry(APP, POWER, staff, PLATFORM)
    for user, rules in ((USER, staff), (ADMIN, staff)):
        with pytest.raises(NotAllowed, match="You may not add software here"):
            check_entry(APP, user, rules, PLATFORM)
    with pytest.raises(NotAllowed, match="only the administrator adds software"):
        check_entry(APP, POWER, UserSoftwareRules(enabled=False), PLATFORM)


def test_an_image_that_the_service_has_built() -> None:
    fixed = {"registry": "localhost", "image_name": "built", "computing": ["local"]}
    raw = {"name": "App"}
    assert check_entry(raw, USER, BOUNDED, PLATFORM, fixed).image == "localhost/built:latest"
    check_entry(raw | {"image_name": "built"}, USER, BOUNDED, PLATFORM, fixed)
    changes: list[dict[str, Any]] = [{"image_name": "other"}, {"computing": []}]
    for change in changes:
        with pytest.raises(InvalidOptions, match="can't be changed"):
            check_entry(raw | change, USER, BOUNDED, PLATFORM, fixed)


@pytest.mark.parametrize(
    "options",
    [
        {"enable": True},
        {"groups": "staff"},
        {"registries": ["https://ghcr.io"]},
        {"most": 0},
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"c\.Rosetta\.user_software: "):
        Rosetta(user_software=options).user_software_rules()


def test_an_entry_of_a_registry_covers_what_is_below() -> None:
    rules = Rosetta(user_software={"registries": ["GHCR.io/team/", "index.docker.io"]})
    checked = rules.user_software_rules()
    assert checked.registries == ("ghcr.io/team", "docker.io")
    assert checked.allows("ghcr.io/team/a/b")
    assert checked.allows("docker.io/library/python")
    assert not checked.allows("ghcr.io/team2/a")
