"""The form on which a user chooses what to start."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from tornado.httputil import HTTPServerRequest

import rosetta_templates
from rosetta_hub.catalogue.options import TaskOptions

# Fields of the form itself; in a native start, everything else is the native spawner's.
_ALWAYS_SENT = frozenset({"software", "name"})
_FIELDS = frozenset({*TaskOptions.model_fields, "_xsrf"})
# In the query of a form's address, parameters of the hub.
_HUB_PARAMETERS = frozenset({"next", "display_name", "_xsrf"})
_PREFIX = "opt-"


@cache
def _environment() -> Environment:
    directory = Path(str(rosetta_templates.__file__)).parent
    return Environment(loader=FileSystemLoader(directory), autoescape=True)


def render_form(
    families: list[dict[str, Any]],
    own_forms: Mapping[str, str],
    static_url: str,
    user: str,
    preset: Mapping[str, str] | None = None,
    complete: bool = True,
    denied: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The HTML between the hub's `<form>` tags.

    The template is `options_form.html`; it gets `families`, `static_url` (of the service's files)
    and `user` (with a `name`). `own_forms` holds the options forms (HTML) of the native entries by
    family id; each family gets its own as `own_form`, an empty text where there is none. `preset`
    holds the values with which the form is filled in, by field name. `complete` is whether the
    families are all that the user has, `denied` are those that are shown and not for the user.
    """
    entries = [family | {"own_form": own_forms.get(family["id"], "")} for family in families]
    template = _environment().get_template("options_form.html")
    return template.render(
        families=entries,
        static_url=static_url,
        user={"name": user},
        preset=preset or {},
        complete=complete,
        denied=denied,
    )


def take_preset(request: HTTPServerRequest) -> dict[str, str]:
    """The options in the query of a request for the form, by field name; removes them there.

    JupyterHub starts a server at once where a query has options. But any page can hold a link or an
    image with such an address, and after a login in between the request looks like one of the hub's
    own pages. So a query fills in the form, and only the form starts something. As in JupyterHub,
    names may begin with `opt-`, and where one does, names that do not are ignored.
    """
    query = {
        name: values[0].decode(errors="replace")
        for name, values in request.query_arguments.items()
        if name not in _HUB_PARAMETERS
    }
    request.query_arguments = {}
    prefixed = {
        name.removeprefix(_PREFIX): value
        for name, value in query.items()
        if name.startswith(_PREFIX)
    }
    return prefixed or query


def chosen_fields(form: Mapping[str, list[str]]) -> dict[str, str]:
    """The form's own fields with their first value; other fields are not looked at."""
    return {name: form[name][0] for name in _FIELDS - {"_xsrf"} if form.get(name)}


def native_fields(form: Mapping[str, Any]) -> dict[str, Any]:
    """What is left for the form of a native entry, as the hub gives it to every spawner.

    A native form may have fields of the same names as ours. Of those that the page sends with
    every start, the first value is ours; of the others, which it sends with containers only,
    empty ones are.
    """
    rest = {name: values for name, values in form.items() if name not in _FIELDS}
    for name in sorted(_FIELDS & form.keys() - {"_xsrf"}):
        values = form[name][1:] if name in _ALWAYS_SENT else form[name]
        if any(values):
            rest[name] = values
    return rest
