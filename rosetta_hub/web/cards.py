"""The cards of a user, with what is known of the user beside the catalogue."""

from typing import Any

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.families import families_for
from rosetta_hub.tasks.software_uses import SoftwareUses
from rosetta_hub.web.services import Services


def cards_for(services: Services, user: User) -> list[dict[str, Any]]:
    """The platform's cards, the user's own and those of the user's groups; favourites first.

    Each tells how often the user has started it, see `SoftwareUses.describe`.
    """
    families = families_for(services.library.catalogue_for(user), user)
    return SoftwareUses(services.tasks.database).describe(families, user.name)
