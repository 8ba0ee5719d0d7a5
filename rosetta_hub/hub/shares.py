"""The hub's own shares: who may enter whose servers (JupyterHub, "Sharing access")."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

Kind = Literal["user", "group"]

# Entries that are asked for at once; the hub's own limit.
PAGE = 200


@dataclass(frozen=True)
class HubShare:
    """A server of `owner` that is shared with a user or a group."""

    kind: Kind
    name: str
    owner: str
    server_name: str
    scopes: frozenset[str]


class HubShareCalls:
    """The calls of the hub's REST API that are about shares."""

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        missing_ok: bool = False,
    ) -> Any:
        raise NotImplementedError

    async def shares_of_server(self, user: str, server_name: str) -> list[HubShare]:
        """With whom a server is shared; none where the hub has no such server.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return [_share(model) async for model in self._items(_shares_path(user, server_name))]

    async def shares_with_user(self, user: str) -> list[HubShare]:
        """What is shared with a user, directly and through groups; none for an unknown user.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        path = f"/users/{quote(user, safe='')}/shared"
        return [_share(model) async for model in self._items(path)]

    async def has_share(self, user: str, server_name: str, guest: str) -> bool:
        """Whether a server is shared with that user directly.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        server = f"{quote(user, safe='')}/{quote(server_name, safe='')}"
        path = f"/users/{quote(guest, safe='')}/shared/{server}"
        return await self._call("GET", path, missing_ok=True) is not None

    async def grant_share(self, user: str, server_name: str, kind: Kind, name: str) -> None:
        """Let a user or a group enter a server.

        Raises:
            UserError: the hub has no such server, user or group.
            HubUnavailable: the hub does not answer.
        """
        await self._call("POST", _shares_path(user, server_name), {kind: name})

    async def revoke_share(self, user: str, server_name: str, kind: Kind, name: str) -> None:
        """End a share with everything that it grants; does nothing where there is none.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        path = _shares_path(user, server_name)
        await self._call("PATCH", path, {kind: name}, missing_ok=True)

    async def revoke_all_shares(self, user: str, server_name: str) -> None:
        """End all shares of a server, and the hub's own codes that make some.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        path = _shares_path(user, server_name)
        for share_path in (path.replace("/shares/", "/share-codes/", 1), path):
            await self._call("DELETE", share_path, missing_ok=True)

    async def group_names(self) -> list[str]:
        """The names of all groups.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return sorted([str(model["name"]) async for model in self._items("/groups")])

    async def _items(
        self, path: str, query: str = "", missing_ok: bool = True
    ) -> AsyncIterator[dict[str, Any]]:
        """All entries of a list that the hub gives page by page; `query` begins with `&`."""
        offset: int | None = 0
        while offset is not None:
            address = f"{path}?offset={offset}&limit={PAGE}{query}"
            page = await self._call("GET", address, missing_ok=missing_ok)
            if page is None:
                return
            for model in page["items"]:
                yield model
            following = page["_pagination"]["next"]
            offset = following and int(following["offset"])


def _share(model: dict[str, Any]) -> HubShare:
    kind: Kind = "group" if model.get("group") else "user"
    server = model["server"]
    return HubShare(
        kind=kind,
        name=str(model[kind]["name"]),
        owner=str(server["user"]["name"]),
        server_name=str(server["name"]),
        scopes=frozenset(model["scopes"]),
    )


def _shares_path(user: str, server_name: str) -> str:
    return f"/shares/{quote(user, safe='')}/{quote(server_name, safe='')}"
