"""`GET api/v1/software/<family>/updates`: which tags lead to other images than those recorded."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from rosetta_hub.catalogue.software import Software, SoftwareFamily
from rosetta_hub.errors import InvalidOptions, NotFound, ResourceUnavailable
from rosetta_hub.registries.errors import RegistryRefused, RegistryUnavailable
from rosetta_hub.registries.references import Reference, parse_reference
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import READ_OF_GROUP

# Tags that are looked up at once, and seconds for all of them.
_AT_ONCE = 4
_DEADLINE = 30.0


class UpdateView(BaseModel):
    """A version by its tag: the digest that was recorded, and the one that the tag has now.

    `problem` says why the tag could not be looked up.
    """

    version: str
    recorded: str
    present: str | None = None
    problem: str | None = None
    moved: bool = False


class UpdateList(BaseModel):
    """The versions whose image is known, in the order of the software family."""

    updates: list[UpdateView]


class UpdatesHandler(HubHandler):
    """Versions without a recorded digest are left out: nothing is known of what they were."""

    path = "software/{family}/updates"

    @operation(id="find_updates", right=READ_OF_GROUP, answer=UpdateList, refuses=(422, 429))
    async def get(self, family_id: str) -> UpdateList:
        """Look up whether the tags of software lead to other images than before.

        Raises:
            NotFound: the user sees no such family.
            LookupsExceeded: see `Lookup.turn`.
        """
        user = self.principal.user
        families = self.services.library.catalogue_for(user).families_for(user)
        family = next((family for family in families if family.id == family_id), None)
        if family is None:
            raise NotFound("There is no such software.")
        with self.services.lookup.turn(user.name):
            updates = await find_updates(family, self._find_digest)
        return UpdateList(updates=updates)

    async def _find_digest(self, reference: Reference) -> str:
        """As the user may see it."""
        user, credentials = self.principal.user, self.services.credentials
        login = credentials.find(user.name, user.groups, reference.host, reference.repository)
        return await self.services.lookup.digest(reference, login)


async def find_updates(
    family: SoftwareFamily, find_digest: Callable[[Reference], Awaitable[str]]
) -> list[UpdateView]:
    """Every version whose digest is known, in the order of the family."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def find(software: Software, recorded: str) -> UpdateView:
        view = UpdateView(version=software.image_tag, recorded=recorded)
        try:
            reference = parse_reference(f"{software.repository}:{software.image_tag}")
            async with slots, asyncio.timeout(_DEADLINE):
                present = await find_digest(reference)
        except (RegistryRefused, RegistryUnavailable, ResourceUnavailable, InvalidOptions) as error:
            return view.model_copy(update={"problem": str(error)})
        except TimeoutError:
            return view.model_copy(update={"problem": "The registry is too slow. Try again later."})
        return view.model_copy(update={"present": present, "moved": present != recorded})

    recorded = [
        (software, digest)
        for software in family.versions
        if not software.is_file
        and (digest := software.image_digest or family.record(software).digest)
    ]
    return list(await asyncio.gather(*(find(software, digest) for software, digest in recorded)))
