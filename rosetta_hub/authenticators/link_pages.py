"""The hub's pages where a user adds a login, merges two accounts, or undoes a link."""

from typing import Any

from tornado import web

from rosetta_hub.authenticators.pages import PrivatePage, has_signed_in_lately
from rosetta_hub.errors import UserError


class LoginLinkPage(PrivatePage):
    """What these pages share."""

    async def show(self, template: str, **context: Any) -> None:
        """Send a page."""
        self.finish(
            await self.render_template(template, xsrf=self.xsrf_token.decode("ascii"), **context)
        )


class AddLoginPage(LoginLinkPage):
    """`rosetta/logins`: a button for each method; the user has signed in lately, or does it."""

    @web.authenticated
    async def get(self) -> None:
        """Show the methods."""
        base_url, page = self.hub.base_url, self.request.path
        buttons = self.authenticator.buttons(base_url, page)
        is_recent = has_signed_in_lately(self, self.current_user)
        await self.show("add_login.html", buttons=buttons, is_recent=is_recent, page=page)


class MergePage(LoginLinkPage):
    """`rosetta/merge`: the login that was added leads to another user."""

    @web.authenticated
    async def get(self) -> None:
        """Say what a merge does."""
        other = self.authenticator.linker.offered_merge(self)
        await self.show("merge_users.html", other=other)

    @web.authenticated
    async def post(self) -> None:
        """Merge."""
        if not has_signed_in_lately(self, self.current_user):
            raise web.HTTPError(403, "Sign in again, and add the login once more.")
        try:
            self.redirect(await self.authenticator.linker.merge(self))
        except UserError as error:
            raise web.HTTPError(error.status, "%s", str(error)) from error


class UndoLinkPage(LoginLinkPage):
    """`rosetta/undo-link`: what a mail leads to. A GET changes nothing: scanners open links."""

    async def get(self) -> None:
        """Ask."""
        await self.show("undo_link.html", done=False, **self._arguments())

    async def post(self) -> None:
        """Undo."""
        arguments = self._arguments()
        await self.authenticator.linker.undo(self, arguments["link"], arguments["token"])
        await self.show("undo_link.html", done=True, **arguments)

    def _arguments(self) -> dict[str, Any]:
        link = self.get_argument("link", "")
        if not link.isdecimal() or len(link) > 18:
            raise web.HTTPError(404, "This link does not work.")
        return {"link": int(link), "token": self.get_argument("token", "")}


def link_routes() -> list[tuple[Any, ...]]:
    """The routes of this module, below the hub's prefix."""
    return [
        (r"/rosetta/logins", AddLoginPage),
        (r"/rosetta/merge", MergePage),
        (r"/rosetta/undo-link", UndoLinkPage),
    ]
