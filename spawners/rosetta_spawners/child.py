"""A spawner inside a spawner: one record in the hub's database, one truth for each attribute.

wrapspawner gives the child a `Server` object of its own and copies every trait of the wrapper over
the child's, once or one way only. So the child's own configuration (`c.SomeSpawner.start_timeout`)
is lost, and what the child finds out (port, token, timeouts) never reaches the hub. Here

* the child has the same `orm_spawner`, from which `server` and `name` are read;
* what the hub hands over flows both ways, starting with the wrapper's value;
* what an administrator configures flows both ways, starting with the child's value;
* the hub's flags of progress (`_start_pending` and the like) are set on both;
* after the end the wrapper is as it was before.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.traitlets import EntryPointType
from traitlets import HasTraits, link

# What the hub gives a spawner when it makes one (`User._new_spawner`).
_CONSTRUCTOR_TRAITS = (
    "user",
    "orm_spawner",
    "hub",
    "authenticator",
    "config",
    "proxy_spec",
    "_deprecated_db_session",
    "oauth_client_id",
    "cookie_options",
    "cookie_host_prefix_enabled",
    "trusted_alt_names",
    "public_url",
    "public_hub_url",
    "internal_ssl",
    "internal_trust_bundles",
    "internal_certs_location",
)

# What it sets or reads later on, besides the options of the start, which are not the child's.
_HUB_TRAITS = ("api_token", "admin_access", "handler", "cert_paths", "will_resume")

# Of the configurable ones, those that are the wrapper's own business.
_OWN_TRAITS = frozenset({"options_form", "options_from_form"})

# The hub's notes on a spawner: plain attributes of the class, such as `_spawn_pending`.
HUB_FLAGS = frozenset(
    name
    for name, value in vars(Spawner).items()
    if name.startswith("_") and not name.startswith("__") and (value is None or value is False)
) - {"_server"}


class _Name(HasTraits):
    spawner_class = EntryPointType(klass=Spawner, entry_point_group="jupyterhub.spawners")


def find_class(name: str) -> type[Spawner]:
    """The spawner class of an entry point's name (`simple`) or an import path, as the hub has it.

    Raises:
        TraitError: there is no such class, or it is no spawner.
        ImportError: its module can't be imported.
    """
    found: type[Spawner] = _Name(spawner_class=name).spawner_class
    return found


def make_child(
    parent: Spawner, child_class: type[Spawner], config: Mapping[str, Any], options: dict[str, Any]
) -> Spawner:
    """A spawner of another class for the same server, with the hub's own configuration of it.

    `config` (trait values that go before that configuration) and `options` are copied.
    """
    given = {name: getattr(parent, name) for name in _CONSTRUCTOR_TRAITS if parent.has_trait(name)}
    child = child_class(**given, user_options=deepcopy(options), **deepcopy(dict(config)))
    for name in HUB_FLAGS:
        setattr(child, name, getattr(parent, name))
    return child


class Bond:
    """The common attributes of a wrapper and its child, for as long as they belong together."""

    def __init__(self, parent: Spawner, child: Spawner) -> None:
        """Join them; `dissolve` ends it."""
        configured = _configured_traits(parent, child)
        self._parent = parent
        self._before = {name: getattr(parent, name) for name in (*configured, *_HUB_TRAITS)}
        self._links = [link((parent, name), (child, name)) for name in _HUB_TRAITS]
        self._links += [link((child, name), (parent, name)) for name in configured]

    def dissolve(self) -> None:
        """Separate them, and give the wrapper back what it had."""
        for one in self._links:
            one.unlink()
        for name, value in self._before.items():
            setattr(self._parent, name, value)


def _configured_traits(parent: Spawner, child: Spawner) -> list[str]:
    """Configurable traits of all spawners, where the child has not given them another type."""
    theirs = child.traits()
    return [
        name
        for name, trait in Spawner.class_traits(config=True).items()
        if name not in _OWN_TRAITS
        and parent.has_trait(name)
        and type(theirs.get(name)) is type(trait)
    ]
