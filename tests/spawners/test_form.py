"""The form: what is shown, and what comes back."""

from unittest.mock import Mock

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from rosetta_spawners.form import chosen_fields, native_fields, render_form, take_preset

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


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("next=/hub/home&display_name=x&_xsrf=t", {}),
        ("software=web&cpus=2&cpus=4&next=/", {"software": "web", "cpus": "2"}),
        ("opt-software=web&cpus=2", {"software": "web"}),
        ("opt-=x&name=%ff", {"": "x"}),
        ("name=%ff", {"name": "\ufffd"}),
    ],
)
def test_take_preset(query: str, expected: dict[str, str]) -> None:
    line = RequestStartLine("GET", f"/hub/spawn/alice?{query}", "HTTP/1.1")
    headers = HTTPHeaders({"Host": "hub.example"})
    request = HTTPServerRequest(start_line=line, headers=headers, connection=Mock())
    assert take_preset(request) == expected
    # What the hub would start a server with is gone; what it reads by name is not.
    assert request.query_arguments == {}
    assert ("next" in request.arguments) == ("next=" in query)


def test_preset_is_text() -> None:
    html = render_form([CARD], {}, "/s", "alice", {"software": "web", "name": '"><script>'})
    assert "<script>" not in html.replace('<script type="module"', "")
    assert "checked" in html
