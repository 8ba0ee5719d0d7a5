"""Pages: HTML for browsers, of users who are logged in."""

from typing import Any

from rosetta_hub.web.base_handler import CONTENT_POLICY
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.page_templates import hub_static_url
from rosetta_hub.web.problem import Problem

# A site's own page.html may hold styles, but no scripts.
PAGE_POLICY = f"{CONTENT_POLICY}; style-src 'self' 'unsafe-inline'"


class PageHandler(HubHandler):
    """For pages: whoever is not logged in is sent to the hub, errors are pages too."""

    renews_rights = True
    policy = PAGE_POLICY

    def is_counted(self) -> bool:
        """A page says nothing that its user could wait for."""
        return False

    def not_logged_in(self) -> None:
        """Send the browser to the hub's login."""
        self.redirect(self.get_login_url())

    async def prepare(self) -> None:
        """Besides, give the browser the XSRF token that the page's script sends back."""
        await super().prepare()
        if not self._finished:
            # Reading the property sets the cookie.
            _ = self.xsrf_token

    def render_page(self, name: str, **context: Any) -> None:
        """Render a template of `templates/service`."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", self.policy)
        self.finish(self.services.templates.render(name, {**self._context(), **context}))

    def answer_problem(self, problem: Problem) -> None:
        """An error as a page."""
        self.set_status(problem.status)
        self.render_page("error.html", status=problem.status, message=problem.detail)

    def _context(self) -> dict[str, Any]:
        """What the hub gives to all templates, as far as the service knows it."""
        hub_url = self.hub_auth.hub_prefix
        principal = getattr(self, "_principal", None)
        return {
            "base_url": hub_url,
            "prefix": self.services.settings.service_prefix.removesuffix("services/rosetta/"),
            "user": {"name": principal.name, "admin": principal.admin} if principal else None,
            "parsed_scopes": {"admin-ui": {}} if principal and principal.admin else {},
            "login_url": f"{hub_url}login",
            "logout_url": f"{hub_url}logout",
            "dates": self.services.account.dates.of(principal.name) if principal else None,
            "static_url": lambda path, **_: hub_static_url(hub_url, path),
        }
