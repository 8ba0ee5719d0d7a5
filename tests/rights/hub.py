"""A hub that knows the roles, and keeps everything that it is asked to change."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tornado import web

from rosetta_hub.catalogue.catalogue import User

from .roles import BY_TOKEN, CREATED, ROLES

# Called with user, server and options of a server that is to start.
Start = Callable[[User, str, dict[str, Any]], object]


class FakeHub:
    """What the service asks of a hub; `changes` holds the requests that change something."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.start: Start | None = None
        # Tokens that it has made, each with what the hub tells of it.
        self.tokens: dict[str, dict[str, Any]] = {}

    def application(self) -> web.Application:
        """The hub's REST API."""
        mine = {"hub": self}
        return web.Application(
            [
                (r"/hub/api/user", WhoAmI, mine),
                (r"/hub/api/users", AllUsers, mine),
                (r"/hub/api/users/([^/]+)", OneUser, mine),
                (r"/hub/api/users/([^/]+)/servers?/?([^/]*)", Server, mine),
                (r"/hub/rosetta/tokens", Tokens, mine),
                (r"/hub/rosetta/tokens/(.+)", Token, mine),
                (r"/hub/api/.*", Anything, mine),
            ]
        )


class Handler(web.RequestHandler):
    """What all handlers of the hub share."""

    def initialize(self, hub: FakeHub) -> None:
        """Keep the hub."""
        self.hub = hub

    def prepare(self) -> None:
        """Keep what changes something."""
        if self.request.method not in ("GET", "HEAD"):
            self.hub.changes.append((str(self.request.method), self.request.path))

    def list_all(self, items: list[Any]) -> None:
        """A page of a list, which is the last one."""
        page = {"offset": 0, "limit": 200, "total": len(items), "next": None}
        self.finish({"items": items, "_pagination": page})


class WhoAmI(Handler):
    """`GET user`: whose token it is."""

    def get(self) -> None:
        """The model, 403 for a token that nobody has."""
        token = self.request.headers.get("Authorization", "").rpartition(" ")[2]
        role = BY_TOKEN.get(token)
        if token in self.hub.tokens:
            result = self.hub.tokens[token]
            self.finish({**(BY_TOKEN[result["of"]].model or {}), "scopes": result["expanded"]})
        elif role is None or role.model is None:
            self.set_status(403)
            self.finish({"status": 403, "message": "Forbidden"})
        else:
            self.finish(role.model)


def user_models() -> dict[str, dict[str, Any]]:
    """All users, as the hub describes them to the service."""
    roles = [role for role in ROLES.values() if role.kind == "user" and role.name]
    return {
        role.name: {
            **{"name": role.name, "kind": "user", "admin": role.admin, "groups": [*role.groups]},
            **{"created": CREATED, "last_activity": CREATED, "servers": {}},
        }
        for role in roles
    }


class AllUsers(Handler):
    """`GET users`."""

    def get(self) -> None:
        """All of them."""
        self.list_all(list(user_models().values()))


class OneUser(Handler):
    """`users/NAME`."""

    def get(self, name: str) -> None:
        """The user."""
        model = user_models().get(name)
        if model is None:
            self.set_status(404)
            self.finish({"status": 404, "message": "No such user"})
        else:
            self.finish(model)


class Server(Handler):
    """`users/NAME/servers/SERVER`: starts a task, as our spawner would."""

    def post(self, user: str, server: str) -> None:
        """Start it."""
        assert self.hub.start is not None
        groups = frozenset(user_models()[user]["groups"])
        self.hub.start(User(user, groups), unquote(server), json.loads(self.request.body))
        self.set_status(201)

    def delete(self, _user: str, _server: str) -> None:
        """Stop it."""
        self.set_status(204)


class Tokens(Handler):
    """`rosetta/tokens`: those that were made for the user whose token is shown."""

    def get(self) -> None:
        """List them."""
        principal_token = self.request.headers["X-Rosetta-Principal"]
        own = {
            **{"id": "own", "note": "", "scopes": [], "login": False, "current": True},
            **{"created": CREATED, "last_activity": None, "expires_at": None},
        }
        values = [
            {**result, "current": token == principal_token}
            for token, result in self.hub.tokens.items()
        ]
        self.finish({"tokens": values if principal_token in self.hub.tokens else [*values, own]})

    def post(self) -> None:
        """Make one."""
        role = BY_TOKEN[self.request.headers["X-Rosetta-Principal"]]
        body, number = json.loads(self.request.body), len(self.hub.tokens)
        document = {
            **{"id": f"a{number}", "note": body["note"], "scopes": body["scopes"], "login": False},
            **{"created": CREATED, "last_activity": None, "expires_at": "2030-01-01T00:00:00Z"},
            **{"current": False, "of": role.token},
            "expanded": [
                f"{scope}={role.name}" if "!user" in scope else scope for scope in body["scopes"]
            ],
        }
        self.hub.tokens[f"made-{number}"] = document
        self.set_status(201)
        self.finish({**document, "token": f"made-{number}"})


class Token(Handler):
    """`rosetta/tokens/ID`."""

    def delete(self, token_id: str) -> None:
        """Delete it."""
        by_name = {key: token for key, token in self.hub.tokens.items() if token["id"] != token_id}
        self.hub.tokens = by_name
        self.set_status(204)


class Anything(Handler):
    """Every other address of the hub."""

    def get(self) -> None:
        """A list of nothing."""
        self.list_all([])

    def _done(self) -> None:
        self.finish({"id": "a1", "name": "made"})

    post = put = patch = delete = _done
