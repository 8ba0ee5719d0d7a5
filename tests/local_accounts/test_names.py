"""Names of local accounts, in every script."""

import pytest

from rosetta_hub.accounts.errors import NameRefused
from rosetta_hub.accounts.names import check_name, suggest_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("alice", "alice"),
        (" Alice ", "alice"),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}lice", "alice"),
        ("anna-maria.o_neill2", "anna-maria.o_neill2"),
        ("Øystein", "øystein"),
        ("e\N{COMBINING ACUTE ACCENT}mile", "émile"),
        ("Ирина", "ирина"),
        ("李小龙", "李小龙"),
        ("さくらサクラ桜", "さくらサクラ桜"),
        ("김철수", "김철수"),
        ("हिन्दी", "हिन्दी"),
        ("محمد", "محمد"),
        ("علي3", "علي3"),
    ],
)
def test_names_in_every_script(typed: str, name: str) -> None:
    assert check_name(typed) == name
    assert check_name(check_name(typed)) == name


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", ".", "..", "-a", "a-", "_a", "a b", "a/b", "a:b", "a@b", "a%2eb", "a\tb"),
        *(
            "a\x00b",
            "<b>",
            "a\N{ZERO WIDTH SPACE}b",
            "a\N{RIGHT-TO-LEFT OVERRIDE}b",
            "x" * 65,
            "😀",
        ),
    ],
)
def test_no_names(typed: str) -> None:
    with pytest.raises(NameRefused, match="letters and digits"):
        check_name(typed)


def test_letters_of_two_scripts_are_not_mixed() -> None:
    with pytest.raises(NameRefused, match="one script"):
        check_name("\N{CYRILLIC SMALL LETTER A}lice")


@pytest.mark.parametrize(
    "typed", ["admin", "ROOT", "Hub", "\N{FULLWIDTH LATIN SMALL LETTER R}oot", "mallory", "MALLORY"]
)
def test_reserved_names(typed: str) -> None:
    with pytest.raises(NameRefused, match="can't be used"):
        check_name(typed, ["Mallory"])


def test_a_name_is_suggested_from_the_address() -> None:
    assert suggest_name("Alice+Lab@example.org") == "alice-lab"
    assert suggest_name("root@example.org") == ""
    assert suggest_name("...@example.org") == ""
