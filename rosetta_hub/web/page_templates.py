"""The templates of the service's pages, in the look of the site, and what they fetch at once."""

import functools
import logging
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    TemplateError,
)
from jupyterhub._data import DATA_FILES_PATH
from tornado.web import StaticFileHandler

from rosetta_hub.static_version import STATIC, static_version

log = logging.getLogger(__name__)

# Static imports alone: what a script imports later is fetched later.
_IMPORT = re.compile(r'^(?:import|export)\b[^;"(]*"(\.{1,2}/[^"]+)"', re.MULTILINE)

_PLAIN = {"rosetta_frame": "rosetta_frame.html"}


def hub_static_url(hub_url: str, path: str) -> str:
    """The address of one of JupyterHub's own files, with the version that its pages use, too."""
    settings = {
        "static_path": str(Path(DATA_FILES_PATH) / "static"),
        "static_url_prefix": f"{hub_url}static/",
    }
    return StaticFileHandler.make_static_url(settings, path)


class PageTemplates:
    """Renders pages with the site's templates and variables, as the hub does.

    Directories of `paths` go before our templates, those before the hub's. `variables` are what
    `c.JupyterHub.template_vars` holds; what the service says of a page goes before them.
    """

    def __init__(self, paths: list[str], variables: Mapping[str, Any]) -> None:
        self._environment = _environment(tuple(paths))
        self._variables = {**variables, "rosetta_static_version": static_version()}

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The page; without the site's page.html where that needs what only the hub has."""
        template = self._environment.get_template(f"service/{name}")
        variables = {**self._variables, **context}
        try:
            return template.render(variables)
        except (TemplateError, TypeError) as error:
            log.warning("The site's page.html can't be used for %s: %s", name, error)
            return template.render(variables | _PLAIN)


# It holds the compiled templates, and looks whether their files have changed.
@functools.cache
def _environment(paths: tuple[str, ...]) -> Environment:
    stock = FileSystemLoader(Path(DATA_FILES_PATH) / "templates")
    loader = ChoiceLoader(
        [
            PrefixLoader({"templates": stock}),
            FileSystemLoader(paths),
            PackageLoader("rosetta_templates", "."),
            stock,
        ]
    )
    environment = Environment(loader=loader, autoescape=True)
    environment.globals["module_imports"] = module_imports
    return environment


@functools.cache
def module_imports(name: str) -> tuple[str, ...]:
    """The modules that `name` imports, directly or not, as paths below `static`, sorted.

    Without it a browser learns of a module when it has read the one that imports it: a dashboard's
    are four deep.
    """
    paths: set[str] = set()
    unread = [name]
    while unread:
        module = unread.pop()
        folder = posixpath.dirname(module)
        for address in _IMPORT.findall((STATIC / module).read_text(encoding="utf-8")):
            path = posixpath.normpath(posixpath.join(folder, address))
            if path not in paths:
                paths.add(path)
                unread.append(path)
    return tuple(sorted(paths - {name}))
