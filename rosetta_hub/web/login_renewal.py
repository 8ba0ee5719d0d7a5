"""`login-renewal`: where browsers get a new cookie of the hub, by their login at the service."""

from urllib.parse import urlencode

from rosetta_hub.errors import UserError
from rosetta_hub.web.page_handler import PageHandler


class LoginRenewalPage(PageHandler):
    """The step between `LoginRedirect` and `RenewalHandler` of `rosetta_hub.hub.login_renewal`."""

    async def get(self) -> None:
        """To the hub, with a code for this browser; to its login where there is none."""
        try:
            code = await self.services.hub.login_renewal(self.principal_token)
        except UserError:
            code = None
        if code is None:
            self.not_logged_in()
            return
        self._lead("rosetta/login-renewal", code=code)

    def not_logged_in(self) -> None:
        """Send the browser to the hub's login itself: any other page would lead back here."""
        self._lead("login")

    def _lead(self, path: str, **query: str) -> None:
        query["next"] = self.get_query_argument("next", "")
        self.redirect(f"{self.hub_auth.hub_prefix}{path}?{urlencode(query)}")
