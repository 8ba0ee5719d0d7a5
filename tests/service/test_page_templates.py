"""What pages have fetched at once is what their scripts import."""

from rosetta_hub.static_version import STATIC, static_version
from rosetta_hub.web.page_templates import PageTemplates, module_imports

CONTEXT = {
    "base_url": "/hub/",
    "prefix": "/",
    "user": {"name": "alice"},
    "logout_url": "/hub/logout",
    "lists": {"active": [], "ended": {"tasks": [], "next": None}},
    "static_url": lambda path: f"/hub/static/{path}",
}


def test_imports_are_followed_across_folders() -> None:
    result = module_imports("admin/page.js")
    assert {"admin/tabs.js", "dom.js", "api.js"} <= set(result)
    assert "admin/page.js" not in result
    assert all((STATIC / name).is_file() for name in result)


def test_what_is_imported_later_is_left_out() -> None:
    assert not any("bundled/editor" in name for name in module_imports("files/page.js"))


def test_the_dashboard_names_its_modules() -> None:
    page = PageTemplates([], {}).render("tasks.html", CONTEXT)
    static = f"/services/rosetta/static/{static_version()}"
    for name in module_imports("tasks.js"):
        assert f'<link rel="modulepreload" href="{static}/{name}">' in page
