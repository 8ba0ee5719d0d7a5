"""`api/v1/software/<family>/favourite`: which software a user likes best."""

from pydantic import BaseModel

from rosetta_hub.errors import NotFound
from rosetta_hub.tasks.software_uses import SoftwareUses
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import CHANGE_OF_GROUP


class FavouriteView(BaseModel):
    """Whether software is a favourite."""

    favourite: bool


class FavouriteHandler(HubHandler):
    """Favourites come first in the user's lists."""

    path = "software/{family}/favourite"

    @operation(id="mark_favourite", right=CHANGE_OF_GROUP, answer=FavouriteView)
    def put(self, family_id: str) -> FavouriteView:
        """Mark software as a favourite of the user."""
        return self._set(family_id, True)

    @operation(id="unmark_favourite", right=CHANGE_OF_GROUP, answer=FavouriteView)
    def delete(self, family_id: str) -> FavouriteView:
        """Take the mark of a favourite away."""
        return self._set(family_id, False)

    def _set(self, family_id: str, favourite: bool) -> FavouriteView:
        user = self.principal.user
        catalogue = self.services.library.catalogue_for(user)
        if family_id not in {family.id for family in catalogue.families_for(user)}:
            raise NotFound("There is no such software.")
        uses = SoftwareUses(self.services.tasks.database)
        uses.set_favourite(user.name, family_id, favourite)
        return FavouriteView(favourite=favourite)
