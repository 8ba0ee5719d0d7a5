"""The page of software: `software` lists it, and has the form to add some."""

from typing import Any

from rosetta_hub.web.page_handler import PageHandler


class SoftwarePage(PageHandler):
    """The Software page. Its script asks the API."""

    def get(self) -> None:
        """The page, with what the principal may do there: what it hides, the API refuses."""
        self.render_page("software.html", access=self._access(), builds_url=self._builds_url())

    def _builds_url(self) -> str:
        """Where software is added from a repository; empty where the principal may not."""
        builds = self.services.builds
        may_build = builds is not None and builds.may_build(self.principal.user)
        return f"{self.services.settings.service_prefix}v2/?add" if may_build else ""

    def _access(self) -> dict[str, Any]:
        rules, groups = self.services.library.rules, self.principal.groups
        return {
            "may_add": rules.may_add(groups),
            "power": rules.is_power_user(groups),
            "groups": sorted(groups),
            "registries": list(rules.registries),
            "power_groups": sorted(rules.power_groups),
        }
