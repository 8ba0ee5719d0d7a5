"""The look of a site on our pages: its page.html, its variables."""

import logging
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

import rosetta_hub
from rosetta_hub.config import Rosetta
from rosetta_hub.static_version import static_version
from rosetta_hub.web.page_templates import PageTemplates

COMPUTING = {"id": "here", "name": "Here", "container_engines": ["docker"]}
PAGE = """{%- extends 'templates/page.html' -%}
{% block logo %}<b id="institute">Institute</b>{{ super() }}{% endblock logo %}
{% block nav_bar_left_items %}{{ super() }}<li><a href="/help">Help</a></li>{% endblock %}
{% block stylesheet %}{{ super() }}<link href="{{ static_url('site.css') }}">{% endblock %}
{% block header %}<i>{{ motto }}</i>{% endblock %}
{% block footer %}<footer>Imprint of {{ user.name }}</footer>{% endblock footer %}
"""
CONTEXT: dict[str, Any] = {
    "base_url": "/hub/",
    "prefix": "/",
    "user": {"name": "alice", "admin": False},
    "static_url": lambda path: f"/hub/static/{path}",
    "logout_url": "/hub/logout",
    "native": False,
    "lists": {"active": [], "ended": {"tasks": [], "next": None}},
}


def site(tmp_path: Path, page: str | None, **variables: Any) -> Config:
    """The configuration of a hub whose templates are in `tmp_path/mine`."""
    (tmp_path / "mine").mkdir()
    if page is not None:
        (tmp_path / "mine/page.html").write_text(page)
    hub = {"template_paths": [str(tmp_path / "mine")], "template_vars": variables}
    rosetta = {"tasks_url": "http://127.0.0.1", "computing": [COMPUTING]}
    c = Config({"Rosetta": rosetta, "JupyterHub": hub})
    rosetta_hub.setup(c, str(tmp_path / "jupyterhub_config.py"))
    return c


def dashboard(c: Config, **context: Any) -> str:
    settings = Rosetta(config=c)
    pages = PageTemplates(settings.template_paths, settings.template_vars)
    return pages.render("tasks.html", CONTEXT | context)


def test_page_of_the_site_frames_ours(tmp_path: Path) -> None:
    c = site(tmp_path, PAGE, motto="Per aspera", announcement="<b>Maintenance</b>", prefix="/no/")
    page = dashboard(c)
    for text in (
        '<b id="institute">Institute</b>',
        'src="/hub/logo"',
        'href="/help"',
        ">Account</a>",
        '<link href="/hub/static/site.css">',
        "<i>Per aspera</i>",
        "<footer>Imprint of alice</footer>",
        "<b>Maintenance</b>",
        # Ours is all there, and what the service says goes before the site's variables.
        'id="announce"',
        f'src="/services/rosetta/static/{static_version()}/tasks.js"',
    ):
        assert text in page, text
    # The stock page's inline scripts, which our policy refuses.
    assert "require.config" not in page


def test_site_without_a_page_of_its_own(tmp_path: Path) -> None:
    page = dashboard(site(tmp_path, None, announcement="Hello", announcement_home="Hello, home"))
    assert "Hello, home" in page
    assert 'src="/hub/logo"' in page
    assert not (tmp_path / "rosetta_state/templates").exists()


def test_variables_that_are_functions_stay_with_the_hub(tmp_path: Path) -> None:
    c = site(tmp_path, PAGE, motto=lambda user: user.name, announcement="Hello")
    assert c.Rosetta.template_vars == {"announcement": "Hello"}
    assert callable(c.JupyterHub.template_vars["motto"])


def test_page_that_needs_the_hub_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = PAGE.replace("{{ motto }}", "{{ user.spawner.options_form }} {{ admin_of(user) }}")
    with caplog.at_level(logging.WARNING):
        text = dashboard(site(tmp_path, page, announcement="Maintenance"))
    assert "Institute" not in text
    assert "Maintenance" in text
    assert "page.html can't be used for tasks.html" in caplog.text


def test_what_the_administrator_sets_for_the_service_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    rosetta = {"tasks_url": "http://127.0.0.1", "template_vars": {"announcement": "Mine"}}
    c = Config({"Rosetta": rosetta, "JupyterHub": {"template_vars": {"announcement": "Hub's"}}})
    rosetta_hub.setup(c, str(tmp_path / "jupyterhub_config.py"))
    assert "Mine" in dashboard(c)
