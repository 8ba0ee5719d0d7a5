"""Pages of JupyterHub itself, of which only the frame is ours."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from tornado import web

from .stub import Handler, Stub, hub_context, hub_templates

SCOPES = ["access:servers!user=somebody-with-a-long-name", "list:users"]
NOW = datetime(2026, 1, 1)


class StockStub(Stub):
    """A hub with its own pages, for an administrator."""

    def _application(self) -> web.Application:
        application = super()._application()
        pages = "token|login|admin|accept-share|oauth|logout|404"
        mine = {"stub": self}
        routes: list[Any] = [
            (rf"/hub/({pages})", StockPage, mine),
            (r"/hub/api/(users|groups)", AdminList, mine),
        ]
        application.add_handlers(r".*", routes)
        return application


class StockPage(Handler):
    """A page, with a token and an application that have long names."""

    def set_default_headers(self) -> None:
        """JupyterHub's own policy: these pages have inline scripts."""
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")

    def get(self, name: str) -> None:
        """The page."""
        context = hub_context(self.stub) | {"parsed_scopes": {"admin-ui": {}}, **_context()}
        if name == "login":
            context["user"] = None
        self.finish(hub_templates().get_template(f"{name}.html").render(**context))


def _context() -> dict[str, Any]:
    """What the hub gives to these pages."""
    used = {"created": NOW, "last_activity": NOW, "expires_at": None, "scopes": SCOPES}
    token = SimpleNamespace(api_id="a1", condition="For the script of my colleague", **used)
    descriptions = [
        {"scope": scope, "description": "Access user servers via API or browser.", "filter": "all"}
        for scope in SCOPES
    ]
    uri = "/services/an-application-with-a-long-name/oauth_callback"
    return {
        "api_tokens": [token],
        "oauth_clients": [
            {"token_id": "a2", "description": "Service rosetta", "tokens": [token], **used}
        ],
        "token_expires_in_options_html": "<option>1 hour</option>",
        "authenticator_login_url": "/hub/login",
        "authenticator": SimpleNamespace(),
        "username": "",
        "api_page_limit": 50,
        "server_version": "6.1.1",
        "owner": SimpleNamespace(name="somebody-with-a-long-name"),
        "spawner": SimpleNamespace(name="a-server-of-theirs"),
        "spawner_url": "/user/somebody-with-a-long-name/a-server-of-theirs/",
        "spawner_ready": False,
        "scope_descriptions": descriptions,
        "allowed_scopes": SCOPES,
        "oauth_client": SimpleNamespace(description="An application", redirect_uri=uri),
        "code": "abc",
        "next_url": "/user/somebody-with-a-long-name/a-server-of-theirs/",
        "status_code": 404,
        "status_message": "Not Found",
    }


class AdminList(Handler):
    """What the hub's admin page asks for."""

    def get(self, kind: str) -> None:
        """A page of users, or of groups."""
        items = [_user("alice", "lab"), _user("somebody-with-a-long-name", "")]
        if kind == "groups":
            items = [{"name": "astronomers", "users": ["alice"], "properties": {}}]
        page = {"offset": 0, "limit": 50, "total": len(items), "next": None}
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"items": items, "_pagination": page}))


def _user(name: str, server: str) -> dict[str, Any]:
    time = NOW.isoformat() + "Z"
    running = {
        "name": server,
        **{"full_name": f"{name}/{server}", "last_activity": time, "started": time},
        **{"pending": None, "ready": True, "stopped": False, "url": f"/user/{name}/{server}/"},
        **{"user_options": {"software": "casa"}, "state": {}},
    }
    return {
        "name": name,
        **{"admin": False, "groups": [], "kind": "user", "pending": None, "server": None},
        **{"created": time, "last_activity": time, "roles": ["user"], "auth_state": None},
        "servers": {server: running},
    }


@contextlib.asynccontextmanager
async def serve_stock() -> AsyncIterator[StockStub]:
    """The stub, listening."""
    stub = StockStub()
    server = stub.listen()
    yield stub
    stub.cut()
    server.stop()
    await server.close_all_connections()
