"""The form: what is shown, and what comes back."""

import pytest

from rosetta_spawners.form import chosen_fields, native_fields, render_form

CARD = {
    "id": "web",
    "name": "Web <2>",
    "description": 'Serves "files" & more',
    "logo": "",
    "tags": ["http"],
    "kind": "container",
    "interface": {"protocol": "http"},
    "versions": [{"tag": "1", "default": True, "computing": []}],
    "computing": [],
}


def test_own_form_is_html_and_the_rest_is_text() -> None:
    native = CARD | {"id": "old", "kind": "native", "versions": []}
    html = render_form([CARD, native], {"old": "<input name='flavour'>"}, "/s/static", "al<ice")
    assert "Web &lt;2&gt;" in html
    assert "<input name='flavour'>" in html
    assert "/s/static" in html
    assert "al<ice" not in html


def test_empty_catalogue() -> None:
    assert "empty" in render_form([], {}, "/s", "alice")


def test_chosen_fields() -> None:
    form = {"software": ["web", "x"], "cpus": [""], "other": ["1"], "_xsrf": ["t"], "name": []}
    assert chosen_fields(form) == {"software": "web", "cpus": ""}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"software": ["old"], "name": ["Mine"], "_xsrf": ["t"]}, {}),
        ({"software": ["old"], "flavour": ["a", "b"]}, {"flavour": ["a", "b"]}),
        # Without scripts the page sends all of its own fields, empty.
        ({"software": ["old"], "memory": [""], "cpus": [""]}, {}),
        # A native form with fields of the same names.
        ({"software": ["old"], "memory": ["4G"]}, {"memory": ["4G"]}),
        ({"software": ["old", "conda"], "name": ["", "n"]}, {"software": ["conda"], "name": ["n"]}),
        ({"software": ["old"], "key_file": [{"body": b"x"}]}, {"key_file": [{"body": b"x"}]}),
    ],
)
def test_native_fields(form: dict[str, list[str]], expected: dict[str, list[str]]) -> None:
    assert native_fields(form) == expected
