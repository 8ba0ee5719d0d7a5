"""The Admin page: `admin`, with tabs that ask `api/v1/admin/…`."""

from rosetta_hub.web.admin_base import AdminPageHandler


class AdminPage(AdminPageHandler):
    """The page for administrators. Its scripts ask the API."""

    def get(self) -> None:
        """The page."""
        self.render_page("admin.html")
