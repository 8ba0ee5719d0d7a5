"""A spawner inside a spawner: one record in the hub's database, one truth for each attribute.

wrapspawner gives the child a `Server` object of its own and copies every trait of the wrapper over
the child's, once or one way only. So the child's own configuration (`c.SomeSpawner.start_timeout`)
is lost, and what the child finds out (port, token, timeouts) never reaches the hub. Here

* the child has the same `orm_spawner`, from which `server` and `name` are read;
* `SHARED` attributes are the child's while there is one: the wrapper reads and writes them there,
  by name, whether the child's class has kept the trait, given it another type, or made it a
  property;
* what the hub hands over (`HANDED_OVER`) and its flags of progress (`HUB_FLAGS`) are set on both;
* after the end the wrapper has its own values again, which nothing has changed.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from jupyterhub.spawner import Spawner

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

# What the hub sets before the options of a start are known, and later on.
HANDED_OVER = ("api_token", "admin_access", "handler")

# The configurable traits that are the wrapper's own business.
_OWN_TRAITS = frozenset({"options_form", "options_from_form"})

# What the hub reads of a spawner, or sets, and what an administrator configures for all spawners.
SHARED = frozenset(
    {*HANDED_OVER, "cert_paths", "will_resume", *Spawner.class_trait_names(config=True)}
    - _OWN_TRAITS
)

# The hub's notes on a spawner: plain attributes of the class, such as `_spawn_pending`.
HUB_FLAGS = frozenset(
    name
    for name, value in vars(Spawner).items()
    if name.startswith("_") and not name.startswith("__") and (value is None or value is False)
) - {"_server"}


def make_child(
    parent: Spawner, child_class: type[Spawner], config: Mapping[str, Any], options: dict[str, Any]
) -> Spawner:
    """A spawner of another class for the same server, with the hub's own configuration of it.

    `config` (trait values that go before that configuration) and `options` are copied.
    """
    traits = {name: getattr(parent, name) for name in _CONSTRUCTOR_TRAITS if parent.has_trait(name)}
    child = child_class(**traits, user_options=deepcopy(options), **deepcopy(dict(config)))
    for name in HUB_FLAGS:
        setattr(child, name, getattr(parent, name))
    return child
