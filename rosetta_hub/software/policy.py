"""The site's policy for images: asked once about each digest, before anything of it runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.background import spawn
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.catalogue.software import Software
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_software import ImageVerdict
from rosetta_hub.errors import ConfigError, ImageRefused, ImageUnchecked, RosettaError
from rosetta_hub.registries.references import Reference, parse_reference
from rosetta_hub.software.policy_hook import Verdict, ask_policy, find_callable
from rosetta_hub.software.settings import ImagePolicySettings

log = logging.getLogger(__name__)

# Seconds that a start waits for an answer; the question goes on, and the next start finds it.
START_WAIT = 5.0
# Images that are asked about at a time.
AT_ONCE = 4

# Finds the digest that a user's reference has now.
FindDigest = Callable[[User, Reference], Awaitable[str]]


class ImagePolicy:
    """Asks the site's policy, and keeps its answers by digest; without settings all is allowed.

    `is_platform` tells whether a family is the configuration's: such images are asked about only
    where the settings say so. Images that are files have no digest, and are not asked about.

    Raises:
        ConfigError: the callable of the settings can't be imported.
    """

    def __init__(
        self,
        settings: ImagePolicySettings | None,
        database: Database,
        find_digest: FindDigest,
        is_platform: Callable[[str], bool],
    ) -> None:
        if settings is not None and settings.callable:
            _check_callable(settings.callable)
        self._settings = settings
        self._database = database
        self._find_digest = find_digest
        self._is_platform = is_platform
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._asked: dict[str, asyncio.Task[Verdict]] = {}

    async def admit(self, spec: TaskSpec, user: User) -> TaskSpec:
        """The task with its image pinned to the digest that the policy allows.

        Raises:
            ImageRefused: the policy says no.
            ImageUnchecked: it has not answered (yet), and the settings say `closed`.
        """
        settings, software = self._settings, spec.software
        if settings is None or not self._concerns(settings, spec.family, software):
            return spec
        try:
            async with asyncio.timeout(START_WAIT):
                reference = await self._pinned(software, user)
                verdict = await self._verdict(settings, reference, user, software.name)
        except TimeoutError as error:
            unchecked = ImageUnchecked("The image is being checked. Try again in a minute.")
            return _fail(settings, spec, unchecked, error)
        except RosettaError as error:
            message = f"The image could not be checked, so it can't be started now. {error}"
            unchecked = error if isinstance(error, ImageUnchecked) else ImageUnchecked(message)
            return _fail(settings, spec, unchecked, error)
        if not verdict.allowed:
            raise ImageRefused(verdict.message)
        pinned = software.model_copy(update={"image_digest": reference.digest})
        return replace(spec, software=pinned)

    def ask_soon(
        self, family_id: str, software: Software, user: User, note_digest: Callable[[str], None]
    ) -> None:
        """Ask about software that was added or changed, so that its family can tell.

        `note_digest` is called with the digest that is asked about.
        """
        settings = self._settings
        if settings is not None and self._concerns(settings, family_id, software):
            asking = self._ask_now(settings, software, user, note_digest)
            spawn(asking, f"image policy for {software.image}")

    async def _ask_now(
        self,
        settings: ImagePolicySettings,
        software: Software,
        user: User,
        note_digest: Callable[[str], None],
    ) -> None:
        try:
            reference = await self._pinned(software, user)
            note_digest(str(reference.digest))
            await self._verdict(settings, reference, user, software.name)
        except RosettaError as error:
            log.warning("%s could not be checked: %s", software.image, error)

    def refusals(self, session: Session, images: Set[str]) -> Mapping[str, str]:
        """What the policy has said against images (references by digest), as far as it counts."""
        if self._settings is None or not images:
            return {}
        query = select(ImageVerdict).where(
            ImageVerdict.image.in_(images),
            ImageVerdict.allowed.is_(False),
            ImageVerdict.checked > utc_now() - timedelta(seconds=self._settings.keep),
        )
        return {row.image: row.message for row in session.scalars(query)}

    def _concerns(self, settings: ImagePolicySettings, family_id: str, software: Software) -> bool:
        return not software.is_file and (settings.platform or not self._is_platform(family_id))

    async def _pinned(self, software: Software, user: User) -> Reference:
        reference = parse_reference(software.image)
        if reference.digest:
            return reference
        return reference.at(await self._find_digest(user, reference))

    async def _verdict(
        self, settings: ImagePolicySettings, reference: Reference, user: User, name: str
    ) -> Verdict:
        """The kept answer, or a new one; who comes meanwhile waits for the same."""
        image = reference.content
        if (verdict := self._kept(settings, image)) is not None:
            return verdict
        if image not in self._asked:
            question = {"image": image, "digest": str(reference.digest), "user": user.name}
            asking = self._ask(settings, {**question, "software": name})
            self._asked[image] = spawn(asking, f"image policy for {image}")
            self._asked[image].add_done_callback(lambda _: self._asked.pop(image, None))
        return await asyncio.shield(self._asked[image])

    def _kept(self, settings: ImagePolicySettings, image: str) -> Verdict | None:
        with self._database.session() as session:
            row = session.get(ImageVerdict, image)
        if row is None or row.checked < utc_now() - timedelta(seconds=settings.keep):
            return None
        return Verdict(row.allowed, row.message)

    async def _ask(self, settings: ImagePolicySettings, question: Mapping[str, str]) -> Verdict:
        async with self._limit:
            verdict = await ask_policy(settings, question)
        with self._database.session() as session:
            session.merge(
                ImageVerdict(
                    image=question["image"],
                    allowed=verdict.allowed,
                    message=verdict.message,
                    checked=utc_now(),
                )
            )
        return verdict


def _check_callable(name: str) -> None:
    try:
        find_callable(name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"c.Rosetta.image_policy: the callable {name!r} can't be imported: {error}. Its module"
            " has to be on the path of the service's Python."
        ) from error


def _fail(
    settings: ImagePolicySettings, spec: TaskSpec, unchecked: ImageUnchecked, cause: Exception
) -> TaskSpec:
    if settings.fail == "open":
        log.warning("%s is started without a check: %s", spec.software.image, cause)
        return spec
    raise unchecked from cause
