"""The hub's pages for signing in and out, with all methods."""

from typing import Any

from jupyterhub.handlers.login import LoginHandler, LogoutHandler

from rosetta_hub.authenticators.refresh import RECORD


class LoginPage(LoginHandler):
    """`login`: a button for each provider, and the form of local accounts if there are any."""

    def _render(
        self, login_error: str | None = None, username: str | None = None, **more: Any
    ) -> Any:
        # Newer hubs show errors of the form this way, too, and say how the page is to be rendered.
        next_url = self.get_argument("next", default="")
        buttons = self.authenticator.buttons(self.hub.base_url, next_url)
        return self.render_template(
            "sign_in.html",
            buttons=buttons,
            login_error=login_error,
            username=username,
            next=next_url,
            xsrf=self.xsrf_token.decode("ascii"),
            **self.authenticator.login_context(),
            **more,
        )


class LogoutPage(LogoutHandler):
    """`logout`: the provider may have a page for it, too."""

    _target: str | None = None

    async def default_handle_logout(self) -> None:
        """Besides, ask the method where the browser goes."""
        user = self.current_user
        if user:
            state = await user.get_auth_state() or {}
            record = state.get(RECORD) or {}
            method = self.authenticator.method_by_id.get(record.get("method"))
            if method is not None:
                self._target = await method.sign_out(state, self)
            await self.authenticator.signed_out(user.name, self)
        await super().default_handle_logout()

    async def render_logout_page(self) -> None:
        """The method's page, or the hub's."""
        if self._target:
            self.redirect(self._target)
        else:
            await super().render_logout_page()
