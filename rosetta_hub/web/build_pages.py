"""Pages from a link to a repository to a task: the form of links, a link, the builds of a user.

A link builds and starts nothing by itself: its page shows what it stands for, and has a button.
"""

from typing import Any

from rosetta_hub.errors import NotAllowed
from rosetta_hub.software.rules import check_may_add
from rosetta_hub.web.builds_api import BuildsBase
from rosetta_hub.web.link_documents import link_document, provider_document
from rosetta_hub.web.links_api import read_link
from rosetta_hub.web.page_handler import PageHandler

NOT_ALLOWED = (
    "You may not build software of repositories. Ask the administrators of this hub for it."
)


class BuildsPage(PageHandler, BuildsBase):
    """What these pages share."""

    @property
    def adds(self) -> bool:
        """Whether the software is added only, without a start: `?add`."""
        return "add" in self.request.query_arguments

    @property
    def refusal(self) -> str:
        """Why the user may build nothing, or not keep it; empty where it may."""
        if not self.builds.may_build(self.principal.user):
            return NOT_ALLOWED
        try:
            check_may_add(self.principal.user, self.services.library.rules)
        except NotAllowed as error:
            return str(error)
        return ""


class LinkFormPage(BuildsPage):
    """`v2/`: the form that makes links."""

    def get(self) -> None:
        """The form, or why the user may build nothing."""
        providers = [
            provider_document(prefix, provider)
            for prefix, provider in self.builds.settings.all_providers.items()
        ]
        context = {"providers": providers, "adds": self.adds, "refusal": self.refusal}
        self.render_page("link_form.html", **context)


class RepositoryLinkPage(BuildsPage):
    """`v2/<provider>/<spec>`: what a link stands for, and the button that builds and starts it."""

    def get(self) -> None:
        """The page; its script asks the API which commit that is."""
        prefix = f"{self.services.settings.service_prefix}v2/"
        link = read_link(self.request, prefix, self.builds.settings)
        provider = self.builds.settings.all_providers[link.provider]
        self.render_page(
            "link.html",
            link=link_document(link, provider),
            path=link.address.removeprefix("v2/"),
            adds=self.adds,
            refusal=self.refusal,
        )


class BuildListPage(BuildsPage):
    """`builds`: what the user has asked for."""

    def get(self) -> None:
        """The page; its script asks the API."""
        self.render_page("builds.html", refusal=self.refusal)


class BuildStatusPage(BuildsPage):
    """`builds/<id>`: one of them, live."""

    def get(self, build_id: str) -> None:
        """The page; its script keeps it up to date."""
        build = self.builds.get(build_id, self.principal.name)
        self.render_page("build.html", build=self.view(build).model_dump(mode="json"))


def build_pages(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}v2/?", LinkFormPage, arguments),
        # Without a group: its quoting is the link's business.
        (rf"{prefix}v2/.+", RepositoryLinkPage, arguments),
        (rf"{prefix}builds", BuildListPage, arguments),
        (rf"{prefix}builds/([0-9a-f]{{12}})", BuildStatusPage, arguments),
    ]
