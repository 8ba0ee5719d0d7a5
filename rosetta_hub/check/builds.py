"""Checks of the builder of `c.Rosetta.builds`: what it enforces, and that it builds."""

import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from rosetta_hub.builds.builder import BuildFailed, Image
from rosetta_hub.builds.program_builder import ProgramBuilder
from rosetta_hub.builds.recipe import Recipe
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.builds.tools import find_problems
from rosetta_hub.check.context import Check, CheckFailed, CheckSkipped

# In front of the builder, where a resource or a storage is chosen.
BUILDER_PREFIX = "builder:"
_DOCKERFILE = "FROM {base}\nRUN test -e /etc && echo it builds\n"


@dataclass
class BuilderContext:
    """The builder, and what earlier checks have found out."""

    settings: BuildSettings
    builder: ProgramBuilder
    missing: dict[str, str] = field(default_factory=dict)
    """Limits that it can't enforce, and why."""


async def check_sources(context: BuilderContext) -> str:
    """This machine has what fetches repositories and reads them."""
    problems = find_problems(context.settings, context.settings)
    if problems:
        raise CheckFailed(" ".join(problems), "Run the check again then.")
    return "repositories can be fetched and read"


async def check_engine(context: BuilderContext) -> str:
    """The builder answers, and its engine works."""
    try:
        answer = await context.builder.check()
    except BuildFailed as error:
        raise CheckFailed(str(error), "See docs/builds.md for what a builder needs.") from error
    context.missing = answer["missing"]
    return f"{context.settings.engine} {answer['version']} on {answer['machine']}"


async def check_limits(context: BuilderContext) -> str:
    """Every limit is enforced, or the administrator has accepted that it is not."""
    accepted = context.settings.allow_weaker
    refused = sorted(set(context.missing) - accepted)
    if refused:
        reasons = "; ".join(f"{name}: {context.missing[name]}" for name in refused)
        raise CheckFailed(
            f"builds are refused, because not all limits are enforced ({reasons})",
            "Set this up as docs/builds.md says, or accept it with the key 'allow_weaker'.",
        )
    if context.missing:
        return f"not enforced, as 'allow_weaker' accepts: {', '.join(sorted(context.missing))}"
    return "network, processes, memory, disk and time of a build are bounded"


async def check_base(context: BuilderContext) -> str:
    """The base image is there, or can be fetched."""
    try:
        digest = await context.builder.base_digest()
    except BuildFailed as error:
        raise CheckFailed(str(error), "See 'base_image', and whether it can be pulled.") from error
    if not digest:
        raise CheckSkipped(f"{context.settings.engine} has no {context.settings.base_image} yet")
    return f"{context.settings.base_image} is {digest.removeprefix('sha256:')[:12]}"


async def check_build(context: BuilderContext) -> str:
    """A small image is built, stored, found and removed."""
    build_id = secrets.token_hex(6)
    with tempfile.TemporaryDirectory(prefix="rosetta-check-") as name:
        folder = Path(name) / "context"
        folder.mkdir()
        base = context.settings.base_image
        (folder / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
        recipe = Recipe("dockerfile", "", "", base_image=base)
        try:
            image = await context.builder.build(
                build_id, f"check:{build_id}", recipe, folder, lambda _: None
            )
        except BuildFailed as error:
            raise CheckFailed(" ".join((str(error), *error.tail[-1:])), "See above.") from error
    return await _look(context, image)


async def _look(context: BuilderContext, image: Image) -> str:
    if not await context.builder.has(image):
        raise CheckFailed(f"{image.reference} was stored, and is not found", "See the registry.")
    if context.settings.registry:
        return f"built, and pushed to {image.reference}, where it stays"
    await context.builder.remove(image)
    return "built, stored, found and removed"


BUILDER_CHECKS = (
    Check[BuilderContext]("repositories", check_sources),
    Check[BuilderContext](
        "engine", check_engine, advice="See that the builder answers, as docs/builds.md says."
    ),
    Check[BuilderContext]("limits", check_limits, ("engine",)),
    Check[BuilderContext]("base image", check_base, ("engine",)),
    Check[BuilderContext]("build", check_build, ("limits", "base image")),
)
