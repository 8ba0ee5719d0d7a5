"""The service's tornado application: every route, in one table."""

import functools
import logging
from typing import Any

from tornado import web

from rosetta_hub.errors import NoSuchAddress
from rosetta_hub.web.account_mail_api import ConfirmAddressPage
from rosetta_hub.web.agent_api import agent_routes
from rosetta_hub.web.api_handlers import api_routes, describe_api
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.build_pages import build_pages
from rosetta_hub.web.health_api import health_routes
from rosetta_hub.web.join_page import JoinPage
from rosetta_hub.web.login_page import ClientLoginPage
from rosetta_hub.web.login_renewal import LoginRenewalPage
from rosetta_hub.web.metrics import metrics_routes
from rosetta_hub.web.pages import (
    AccountPage,
    AdminPage,
    FilesPage,
    HubServerPath,
    OAuthCallback,
    OpenPage,
    ServerPage,
    SoftwarePage,
    TasksPage,
    TaskStatusPage,
)
from rosetta_hub.web.services import Services
from rosetta_hub.web.spawner_api import (
    ActiveTasksHandler,
    SessionsEndHandler,
    SpawnerHandler,
    SpawnerStopHandler,
    UserSoftwareHandler,
)
from rosetta_hub.web.static_files import static_routes

log = logging.getLogger(__name__)


class NothingHandler(BaseHandler):
    """Every other address."""

    def prepare(self) -> None:
        """Answer that there is nothing.

        Raises:
            NoSuchAddress: always.
        """
        raise NoSuchAddress("There is nothing at this address.")


def build_application(services: Services, cookie_secret: bytes) -> web.Application:
    """All routes of the service."""
    prefix = services.settings.service_prefix
    hub_path = prefix.removesuffix("/services/rosetta/")
    arguments: dict[str, Any] = {"services": services}
    spawner = rf"{prefix}hub/tasks/([^/]+)/([^/]*)"
    routes: list[Any] = [
        (rf"{prefix}", TasksPage, arguments),
        (rf"{prefix}tasks/([0-9a-f]{{12}})", TaskStatusPage, arguments),
        (rf"{prefix}login", ClientLoginPage, arguments),
        (rf"{prefix}login-renewal", LoginRenewalPage, arguments),
        (rf"{prefix}join/([A-Za-z0-9_-]+)", JoinPage, arguments),
        (rf"{prefix}open/([0-9a-f]{{12}})", OpenPage, arguments),
        # Without a group: parts of a path may be anything, and are the script's business.
        (rf"{prefix}files/.*", FilesPage, arguments),
        (rf"{prefix}software", SoftwarePage, arguments),
        (rf"{prefix}admin", AdminPage, arguments),
        (rf"{prefix}account", AccountPage, arguments),
        (rf"{prefix}account/confirm", ConfirmAddressPage, arguments),
        (rf"{prefix}oauth_callback", OAuthCallback, arguments),
        *static_routes(prefix),
        *health_routes(prefix, arguments),
        *metrics_routes(prefix, arguments),
        *api_routes(prefix, arguments),
        *build_pages(prefix, arguments),
        (rf"{prefix}hub/software/([^/]+)", UserSoftwareHandler, arguments),
        *agent_routes(prefix, arguments),
        (rf"{prefix}hub/tasks", ActiveTasksHandler, arguments),
        (rf"{prefix}hub/users/([^/]+)/sessions/end", SessionsEndHandler, arguments),
        (rf"{spawner}/stop", SpawnerStopHandler, arguments),
        (spawner, SpawnerHandler, arguments),
        (rf"{prefix}servers/[^/]+/.*", ServerPage, arguments),
        (rf"{hub_path}/user/[^/]+/.*", HubServerPath, arguments),
    ]
    return web.Application(
        routes,
        default_handler_class=NothingHandler,
        default_handler_args=arguments,
        cookie_secret=cookie_secret,
        # Made when somebody asks.
        openapi=functools.cache(lambda: describe_api(prefix)),
        log_function=log_request,
        # Every handler checks what it needs to: see HubHandler.
        xsrf_cookies=False,
    )


def log_request(handler: web.RequestHandler) -> None:
    """One line a request, without its query: OAuth codes and tokens of forms stand there.

    What comes every few seconds for each task (see `BaseHandler.routine`) is for debugging only.
    """
    status, request = handler.get_status(), handler.request
    level = logging.INFO if status < 500 else logging.ERROR
    if status < 400 and getattr(handler, "routine", False):
        level = logging.DEBUG
    milliseconds = 1000 * request.request_time()
    path = getattr(handler, "logged_path", request.path)
    log.log(level, "%d %s %s %.1f ms", status, request.method, path, milliseconds)
