"""A build as the REST API shows it."""

from datetime import datetime

from pydantic import BaseModel

from rosetta_hub.database.models_builds import Build


class RecipeView(BaseModel):
    """How the image was made, and how what it starts is reached.

    `pack` is the build pack; `port`, `interface_auth` and `command` are those of software; `notes`
    tell what was left out.
    """

    pack: str
    version: str
    port: int
    interface_auth: str
    command: list[str]
    notes: list[str]


class BuiltImage(BaseModel):
    """What was built: the reference with which it is started.

    `digest` is that of the manifest in the registry, or the image's id where it stays with an
    engine. `size` is in bytes.
    """

    reference: str
    digest: str
    arch: str
    size: int | None


class BuildView(BaseModel):
    """A build. Times are ISO 8601 in UTC.

    `waiting` is how many users wait for it, `position` its place in the queue from 1 on, `step` of
    `steps` is what goes on; `failed_step` and `log_tail` (the last lines) are set when a step has
    failed. `transient`: the failure may be over by now. `cancelling`: it was asked to end.
    """

    id: str
    state: str
    provider: str
    spec: str
    repository: str
    url: str
    ref: str
    commit: str
    port: int | None
    message: str
    waiting: int
    position: int | None
    step: int | None
    steps: int | None
    failed_step: str
    log_tail: list[str]
    transient: bool
    cancelling: bool
    recipe: RecipeView | None
    image: BuiltImage | None
    created: datetime
    started: datetime | None
    ended: datetime | None


def view_build(build: Build, waiting: int, position: int | None) -> BuildView:
    """The build for one who has asked for it."""
    image = BuiltImage(
        reference=build.image,
        digest=build.image_digest,
        arch=build.image_arch,
        size=build.image_size,
    )
    return BuildView(
        id=build.id,
        state=build.state.value,
        provider=build.provider,
        spec=build.spec,
        repository=build.repository,
        url=build.source["url"],
        ref=build.source["ref"],
        commit=build.source["commit"],
        port=build.port,
        message=build.message,
        waiting=waiting,
        position=position,
        step=build.step,
        steps=build.steps,
        failed_step=build.failed_step,
        log_tail=build.log_tail,
        transient=build.transient,
        cancelling=build.cancelling,
        recipe=RecipeView(**build.recipe) if build.recipe else None,
        image=image if build.image else None,
        created=build.created,
        started=build.started,
        ended=build.ended,
    )
