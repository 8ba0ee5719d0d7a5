"""`api/v1/software/<card>/favourite`: which software a user likes best."""

from typing import Any

from rosetta_hub.errors import NotFound
from rosetta_hub.tasks.software_uses import SoftwareUses
from rosetta_hub.web.handlers import HubHandler


class FavouriteHandler(HubHandler):
    """Favourites come first in the principal's lists."""

    def put(self, card: str) -> None:
        """Mark the software."""
        self._set(card, True)

    def delete(self, card: str) -> None:
        """Take the mark away."""
        self._set(card, False)

    def _set(self, card: str, favourite: bool) -> None:
        self.principal.check_own("servers")
        user = self.principal.user
        catalogue = self.services.library.catalogue_for(user)
        if card not in {family.id for family in catalogue.families_for(user)}:
            raise NotFound("There is no such software.")
        uses = SoftwareUses(self.services.tasks.database)
        uses.set_favourite(user.name, card, favourite)
        self.answer({"favourite": favourite})


def favourites_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [(rf"{prefix}api/v1/software/([^/]+)/favourite", FavouriteHandler, arguments)]
