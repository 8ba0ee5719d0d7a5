"""Wiring into an existing hub: what the last line of `jupyterhub_config.py` does."""

import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jupyterhub
from traitlets import TraitError
from traitlets.config import Application
from traitlets.config.loader import LazyConfigValue
from traitlets.log import get_logger

import rosetta_templates
from rosetta_hub.config import SERVICE_NAME, SERVICE_SCOPE, Rosetta, refuse_unknown_options
from rosetta_hub.errors import ConfigError
from rosetta_hub.hub.link_redirect import LinkRedirect
from rosetta_hub.hub.login_renewal import renewal_routes
from rosetta_hub.hub.native_spawners import (
    PREVIOUS_FAMILY,
    check_installed,
    check_native_entries,
    class_name,
    find_entry,
    is_rosetta,
    load_class,
)
from rosetta_hub.hub.proxy import set_proxy_command
from rosetta_hub.hub.session_end import SESSIONS_ROUTE
from rosetta_hub.hub.settings_file import settings_path, write_settings
from rosetta_hub.hub.user_tokens import TOKEN_ROUTES
from rosetta_hub.site_templates import make_site_page, plain_variables
from rosetta_hub.static_version import static_version

# The service's process, where the hub starts it; this entry has no rights at the hub.
PROCESS_NAME = f"{SERVICE_NAME}-process"

# Our spawner's entry point, and the hub's default for `c.JupyterHub.spawner_class`.
OUR_SPAWNER = "rosetta"
DEFAULT_SPAWNER = "jupyterhub.spawner.LocalProcessSpawner"
# The entry point of our authenticator.
OUR_AUTHENTICATOR = "rosetta"

# What the service may do on the hub: start and stop servers on behalf of users that it has checked,
# report activity, see which users and servers there are. No tokens, no users made or deleted.
SERVICE_SCOPES = ["servers", "users:activity", "list:users", "read:users"]

# Besides, where users may share tasks: to see and change with whom servers are shared (of which the
# right to enter them is a part, as the hub has it), and to see the names of groups.
SHARING_SCOPES = ["shares", "list:groups"]

# What a browser's token carries to the service, as far as the user has it: who it is (groups, too),
# and the user's own servers and those shared with the user.
CLIENT_SCOPES = ["read:users!user", "access:servers", "servers"]

# Variables of the hub's environment that the service that it starts is given, on top of the few
# that the hub gives to all: where the engines' clients find their daemon, whom to trust, and where
# the API server is of the cluster that it is a pod of.
ENVIRONMENT = re.compile(
    r"DOCKER_.*|XDG_RUNTIME_DIR|SSL_CERT_(FILE|DIR)|KUBERNETES_SERVICE_(HOST|PORT)"
)

_HUB_6 = jupyterhub.version_info >= (6,)

# Lets a user in at the service.


def setup(c: Any, config_file: str, manage_service: bool = True) -> None:
    """Make the hub of this configuration start containers.

    To be called on the last line, so that it sees all of the configuration. It adds the service
    (started by the hub, unless `manage_service` is False), its role, the spawner, the pages'
    templates, and named servers. Services, roles and template paths that the configuration has
    are kept and added to; templates of the administrator go before ours. The configured spawner
    class becomes software of the catalogue (`c.Rosetta.keep_spawner`); its servers go on under it.

    Set unless the configuration says otherwise: users start at the dashboard (`default_url`);
    servers go on when the hub stops (`cleanup_servers`), the hub's proxy is the guarded one
    (`rosetta-hub proxy`), and the hub does not wait at its start for a service that it is about to
    start itself (`init_spawners_timeout`). Where the hub is reached with https,
    `c.JupyterHub.cookie_host_prefix_enabled = True` is worth setting.

    `config_file` is `__file__`. The service does not run it again: a hub that starts hands the
    settings over in a file (`settings_file`), once its configuration is complete.

    Raises:
        SystemExit: the configuration can't be used; the message, without a traceback, says why.
    """
    try:
        _setup(c, Path(config_file).absolute(), manage_service)
    except (ConfigError, TraitError) as error:
        raise SystemExit(f"{config_file}: {error}") from error
    if (app := _starting_hub()) is not None:
        # The hub opens its database once, when it has read all of its configuration.
        app.observe(
            lambda change: _finish(change.owner.config, config_file), names="session_factory"
        )


def _starting_hub() -> Application | None:
    """The hub that reads the configuration; None where another program does."""
    app = Application.instance() if Application.initialized() else None
    # Looked up, not imported: it is large, and other programs have no use for it.
    module = sys.modules.get("jupyterhub.app")
    return app if module and isinstance(app, module.JupyterHub) else None


def _finish(config: Any, config_file: str) -> None:
    """Look at the complete configuration: more may have been set after `setup` was called.

    Raises:
        SystemExit: as `setup`.
    """
    try:
        check_hub(config.JupyterHub)
        settings = Rosetta(config=config)
        if settings.previous_spawner is not None:
            load_class("c.Rosetta.previous_spawner", settings.previous_spawner)
        write_settings(settings)
    except (ConfigError, TraitError) as error:
        raise SystemExit(f"{config_file}: {error}") from error


def check_hub(hub: Any) -> None:
    """Refuse options of the hub itself with which no task can be started.

    Raises:
        ConfigError: the option, and what to do.
    """
    if hub.get("internal_ssl"):
        raise ConfigError(
            "c.JupyterHub.internal_ssl = True can't be used with Rosetta Hub: the service does not"
            " speak the hub's internal TLS. Remove it; hub, proxy and service belong on one machine"
            " or on a network of their own."
        )
    if hub.get("subdomain_host"):
        raise ConfigError(
            "c.JupyterHub.subdomain_host can't be used with Rosetta Hub: the hub would give its"
            " service another host name than its own, and no page would be found. Remove it; tasks"
            " have a host name of their own, c.Rosetta.tasks_url."
        )
    spawner = hub.get("spawner_class", DEFAULT_SPAWNER)
    if not is_rosetta(spawner):
        raise ConfigError(
            f"c.JupyterHub.spawner_class is {class_name(spawner)!r}, set after rosetta_hub.setup or"
            " on the command line: no task could be started. Set it before that call, which belongs"
            " on the last line: it makes that spawner software of the catalogue."
        )


def _setup(c: Any, config_file: Path, managed: bool) -> None:
    state_dir = str(c.Rosetta.get("state_dir", "rosetta_state"))
    c.Rosetta.state_dir = str(config_file.parent / state_dir)
    if c.Rosetta.get("builds"):
        # Before the templates, which the service is given with their variables.
        c.JupyterHub.template_vars.update({"rosetta_builds": True})
    if c.JupyterHub.get("authenticator_class") == OUR_AUTHENTICATOR:
        # The page Account shows login methods and passwords, which no other authenticator has.
        local = "local_accounts" in c.RosettaAuthenticator
        variables = {"rosetta_authenticator": True, "rosetta_local_accounts": local}
        c.JupyterHub.template_vars.update(variables)
    _share_templates(c)
    _set_default(c.Rosetta, "trusted_proxies", _items(c.JupyterHub.trusted_downstream_ips))
    refuse_unknown_options(c)
    settings = Rosetta(config=c)
    # A service of its own may run as another user, and reads the files itself.
    settings.check(files=managed)
    _check_base_url(c.JupyterHub, settings)
    check_native_entries(settings.catalogue())
    _keep_spawner(c, settings)
    check_hub(c.JupyterHub)
    _allow_named_servers(c.JupyterHub)
    _set_default(c.JupyterHub, "default_url", settings.service_prefix)
    _set_default(c.JupyterHub, "cleanup_servers", False)
    _set_default(c.JupyterHub, "init_spawners_timeout", 1)
    c.JupyterHub.services.extend(_services(settings, managed))
    scopes = [*SERVICE_SCOPES, *(SHARING_SCOPES if settings.sharing else ())]
    role = {"name": SERVICE_NAME, "scopes": scopes, "services": [SERVICE_NAME]}
    c.JupyterHub.load_roles.append(role)
    _let_users_in(c.JupyterHub)
    routes = [SESSIONS_ROUTE, *TOKEN_ROUTES, *renewal_routes(settings.service_prefix)]
    c.JupyterHub.extra_handlers.extend(routes)
    if settings.builds:
        redirect = (r"/v2/.*", LinkRedirect, {"service_prefix": settings.service_prefix})
        c.JupyterHub.extra_handlers.append(redirect)
    set_proxy_command(c, settings)


def _keep_spawner(c: Any, settings: Rosetta) -> None:
    """Note the spawner that the hub has, add it to the catalogue, and put ours in its place."""
    previous = settings.previous_spawner
    configured = c.JupyterHub.get("spawner_class", DEFAULT_SPAWNER)
    if not is_rosetta(configured):
        c.JupyterHub.spawner_class = OUR_SPAWNER
        previous = previous or configured
    if previous is None:
        return
    check_installed("c.JupyterHub.spawner_class", previous)
    c.Rosetta.previous_spawner = previous
    entry = find_entry(settings.catalogue(), previous)
    name = entry.name if entry else PREVIOUS_FAMILY["name"]
    if entry is None and settings.keep_spawner:
        family = PREVIOUS_FAMILY | {"spawner_class": previous}
        c.Rosetta.software = [family, *settings.software]
    in_catalogue = entry or settings.keep_spawner
    get_logger().info(
        "c.JupyterHub.spawner_class: RosettaSpawner takes the place of %s, which %s.",
        class_name(previous),
        f"is the software {name!r} of the catalogue"
        if in_catalogue
        else "goes on with the servers that run",
    )


def _allow_named_servers(hub: Any) -> None:
    if hub.get("allow_named_servers") is False:
        get_logger().warning(
            "c.JupyterHub.allow_named_servers = False is replaced by True: each task of Rosetta Hub"
            " is a named server."
        )
    hub.allow_named_servers = True


def _check_base_url(hub: Any, settings: Rosetta) -> None:
    bound = urlsplit(str(hub.get("bind_url", ""))).path
    path = str(hub.get("base_url", "") or bound).strip("/")
    public = urlsplit(settings.hub_url).path.strip("/")
    if path != public:
        raise ConfigError(
            f"c.Rosetta.hub_url is {settings.hub_url!r}, but the hub's base URL is '/{path}'."
            " Give c.Rosetta.hub_url the address at which browsers see the hub, base URL included."
        )


def _set_default(section: Any, name: str, value: Any) -> None:
    if name not in section:
        setattr(section, name, value)


def _share_templates(c: Any) -> None:
    """Give our templates to the hub, and those and the variables of the site to the service."""
    hub, rosetta = c.JupyterHub, c.Rosetta
    ours = str(Path(str(rosetta_templates.__file__)).parent)
    paths = make_site_page(_items(hub.template_paths), Path(rosetta.state_dir) / "templates")
    # The hub's own templates, which have the same names as ours, are appended by the hub.
    hub.template_paths = [*paths, ours]
    _set_default(rosetta, "template_paths", paths)
    _set_default(rosetta, "template_vars", plain_variables(_mapping(hub.template_vars)))
    # The service knows its own.
    version = {"rosetta_static_version": static_version()}
    hub.template_vars = {**_mapping(hub.template_vars), **version}


def _services(settings: Rosetta, managed: bool) -> list[dict[str, Any]]:
    """What the hub routes to, and before it the process of that which the hub starts (`managed`).

    These are two entries, because a hub that starts a service with an address itself ends when the
    service does not answer in time: within 10 seconds in JupyterHub 5. A service that is slow, or
    whose database is away, must not take away what else the hub has.
    """
    service: dict[str, Any] = {
        "name": SERVICE_NAME,
        "url": settings.service_url,
        "api_token": settings.keys().service_token,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": CLIENT_SCOPES,
        "display": False,
    }
    if _HUB_6:
        # Seconds. A hub waits this long at its start, half a minute by default, before it routes
        # anything; the routes to a service that is down then are right as soon as it is up.
        service["timeout"] = 1
    return [_process(settings), service] if managed else [service]


def _process(settings: Rosetta) -> dict[str, Any]:
    program = [sys.executable, "-m", "rosetta_hub"]
    passed_on = {name: value for name, value in os.environ.items() if ENVIRONMENT.fullmatch(name)}
    return {
        "name": PROCESS_NAME,
        "command": [*program, "service", "--settings", str(settings_path(settings))],
        "environment": passed_on,
        "display": False,
    }


def _let_users_in(hub: Any) -> None:
    """Give the role of all users access to the service; what it has been given stays.

    Newer hubs add scopes to the role. Older ones replace it by an entry of `load_roles`, of which
    there may be one alone.
    """
    customised = next((role for role in _items(hub.load_roles) if role.get("name") == "user"), None)
    if customised is not None:
        customised["scopes"] = [*customised.get("scopes", ["self"]), SERVICE_SCOPE]
    elif _HUB_6:
        hub.extra_user_scopes = {*_items(hub.get("extra_user_scopes", ())), SERVICE_SCOPE}
    else:
        hub.load_roles.append({"name": "user", "scopes": ["self", SERVICE_SCOPE]})


def _mapping(value: Any) -> dict[str, Any]:
    """The same of a dict."""
    return dict(value.to_dict().get("update", {}) if isinstance(value, LazyConfigValue) else value)


def _items(value: Any) -> list[Any]:
    """What a configuration value holds, assigned or only added to."""
    if not isinstance(value, LazyConfigValue):
        return list(value)
    added = value.to_dict()
    return [*added.get("prepend", ()), *added.get("extend", ()), *added.get("update", ())]
