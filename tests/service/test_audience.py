"""Software, computing and storages of groups: hidden from others, or shown with the reason."""

from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import Catalogue, User, load_catalogue
from rosetta_hub.catalogue.families import denied_families, families_for
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.database.database import Database
from rosetta_hub.errors import ConfigError, InvalidOptions
from rosetta_hub.tasks.software_uses import SoftwareUses
from rosetta_hub.web.software_models import FamilyView
from rosetta_spawners.form import render_form
from tests.support.catalogues import LOCAL

MEMBER, OTHER = User("alice", frozenset({"astro"})), User("bob")
PAGE = "https://wiki.example.org/access?for=casa"
SHOW = {"groups": ["astro"], "when_not_allowed": "show", "access_request": PAGE}
CASA = {"name": "Casa", "description": "Radio data", "image_name": "casa"}
ECHO = {"name": "Echo", "image_name": "echo"}
VEGA = LOCAL | {"id": "vega", "name": "Vega"}
SURVEY = {
    **{"id": "survey", "name": "Survey", "computing": ["local"], "read_only": True},
    **{"base_path": "/srv/survey", "bind_path": "/survey"},
}


def catalogue(**view: dict[str, Any]) -> Catalogue:
    """With restrictions of Casa, Vega and Survey."""
    return load_catalogue(
        [CASA | view.get("casa", {"groups": ["astro"]}), ECHO],
        [LOCAL, VEGA | view.get("vega", {"groups": ["astro"]})],
        (),
        [SURVEY | view.get("survey", {"groups": ["astro"]})],
    )


def echo_of(result: Catalogue, user: User) -> dict[str, Any]:
    """The version of Echo, as the form has it."""
    (family,) = (item for item in families_for(result, user) if item["id"] == "echo")
    version: dict[str, Any] = family["versions"][0]
    return version


def test_what_is_not_the_users_is_hidden_by_default() -> None:
    result = catalogue()
    assert denied_families(result, OTHER) == []
    echo = echo_of(result, OTHER)
    assert echo["unavailable"] == []
    assert [resource["denied_storages"] for resource in echo["computing"]] == [[]]
    with pytest.raises(InvalidOptions, match="There is no software 'casa' for you"):
        resolve_options(parse_options({"software": "casa"}), result, OTHER)
    with pytest.raises(InvalidOptions) as error:
        resolve_options(parse_options({"software": "echo", "computing": "vega"}), result, OTHER)
    assert "astro" not in str(error.value)


def test_it_may_be_shown_with_the_reason_and_where_to_ask() -> None:
    result = catalogue(casa=SHOW, vega=SHOW, survey=SHOW)
    (family,) = denied_families(result, OTHER)
    reason = "For members of the group astro."
    assert (family["name"], family["reason"], family["request"]) == ("Casa", reason, PAGE)
    echo = echo_of(result, OTHER)
    vega = {"id": "vega", "name": "Vega", "reason": reason, "request": PAGE}
    assert echo["unavailable"] == [vega]
    denied = [resource["denied_storages"] for resource in echo["computing"]]
    assert denied == [[{"name": "Survey", "reason": reason, "request": PAGE}]]


def test_the_api_tells_all_that_the_form_has(database: Database) -> None:
    result = catalogue(vega=SHOW, survey=SHOW)
    for user in (MEMBER, OTHER):
        families = SoftwareUses(database).describe(families_for(result, user), user.name)
        assert [
            FamilyView.model_validate(family).model_dump(mode="json") for family in families
        ] == families


def test_members_see_nothing_of_it() -> None:
    result = catalogue(casa=SHOW, vega=SHOW, survey=SHOW)
    assert denied_families(result, MEMBER) == []
    echo = echo_of(result, MEMBER)
    assert echo["unavailable"] == []
    assert [resource["denied_storages"] for resource in echo["computing"]] == [[], []]


@pytest.mark.parametrize(
    ("view", "options", "message"),
    [
        (
            SHOW,
            {"software": "casa"},
            f"Casa is not for you. For members of the group astro. Ask for access: {PAGE}",
        ),
        (
            SHOW | {"access_request": ""},
            {"software": "casa"},
            "Casa is not for you. For members of the group astro. Ask an administrator for access.",
        ),
        (
            SHOW,
            {"software": "echo", "computing": "vega"},
            "Echo can't run on 'vega'. For members of the group astro. Computing resources for it:"
            " local.",
        ),
    ],
)
def test_what_the_page_shows_disabled_a_start_refuses_with_the_reason(
    view: dict[str, Any], options: dict[str, str], message: str
) -> None:
    result = catalogue(casa=view, vega=view)
    with pytest.raises(InvalidOptions) as error:
        resolve_options(parse_options(options), result, OTHER)
    assert str(error.value) == message
    assert resolve_options(parse_options(options), result, MEMBER)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ({"groups": ["b", "a"]}, "For members of the groups a or b."),
        ({"groups": ["c", "b", "a"]}, "For members of the groups a, b or c."),
        ({"users": ["carol"]}, "For some users only."),
        ({"users": ["carol"], "groups": ["a"]}, "For members of the group a."),
    ],
)
def test_names_of_users_are_not_told(who: dict[str, Any], reason: str) -> None:
    (family,) = denied_families(catalogue(casa=who | {"when_not_allowed": "show"}), OTHER)
    assert family["reason"] == reason


def test_the_form_shows_the_card_with_a_link_and_nothing_to_choose() -> None:
    result = catalogue(casa=SHOW)
    families = families_for(result, OTHER)
    html = render_form(families, {}, "/s", "bob", denied=denied_families(result, OTHER))
    assert f'For members of the group astro. <a href="{PAGE}">Ask for access</a>' in html
    assert 'value="casa"' not in html
    assert 'value="echo"' in html


@pytest.mark.parametrize(
    "address",
    ["http://example.org", "javascript:alert(1)", "https://", "mailto:nobody", "admin@example.org"],
)
def test_an_address_has_to_be_one(address: str) -> None:
    with pytest.raises(ConfigError, match=r"access_request.*https address, or mailto:"):
        catalogue(casa=SHOW | {"access_request": address})


@pytest.mark.parametrize("address", ["mailto:admin@example.org", PAGE, ""])
def test_addresses_that_are_fine(address: str) -> None:
    assert catalogue(casa=SHOW | {"access_request": address})
