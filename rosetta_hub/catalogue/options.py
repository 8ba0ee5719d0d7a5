"""What a user asks for, checked against the catalogue: the same check for form, API and CLI."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationError

from rosetta_hub.catalogue.bound_storages import BoundStorage, resolve_storages
from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.computing import Computing, EngineConfig, Size
from rosetta_hub.catalogue.engines import canonical_engine
from rosetta_hub.catalogue.queue_request import QueueRequest, resolve_request
from rosetta_hub.catalogue.software import DIGEST, Software, SoftwareFamily
from rosetta_hub.catalogue.staging import (
    MOST_TRANSFERS,
    StagedFile,
    Transfer,
    resolve_staging,
    split_transfers,
)
from rosetta_hub.catalogue.units import ByteSize, Duration, format_size
from rosetta_hub.catalogue.validation import describe_value_fault
from rosetta_hub.errors import InvalidOptions

# Docker refuses less than 6 MB; nothing with an interface runs in less than this.
MINIMAL_MEMORY = 16 << 20
MOST_BINDS = 16


def _is_one_line(text: str) -> str:
    # "Cc" are control characters, "Cs" halves of surrogate pairs: databases refuse some of them.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("It has to be one line of text without control characters")
    return text


def _is_later(time: datetime) -> datetime:
    if time <= datetime.now(UTC):
        raise ValueError("This time has passed")
    return time


def _split_text(value: Any) -> Any:
    # Forms and links have a text: neither ids nor paths that can be bound have commas.
    if isinstance(value, str):
        return tuple(part for part in map(str.strip, value.split(",")) if part)
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_split_text)]
Transfers = Annotated[tuple[Transfer, ...], BeforeValidator(split_transfers)]


class TaskOptions(QueueRequest):
    """The options of a task as they come from outside.

    Memory in bytes or as `2G`, time in seconds or as `2h`; `size` is one of the resource's.
    `without_storages` are ids of storages that the task does not get, `binds` directories of the
    resource that it gets beside them, as `/data/m31:/storages/m31`: lists, or texts with commas.
    `digest` is the image to run exactly, instead of what the version's tag is now.
    `emulated` is consent to a start whose architecture the resource only emulates.
    `inputs` and `outputs` are files that are fetched before the start and stored after the end, as
    `{"from": "archive:m31.fits", "to": "scratch:m31/"}`: lists, or texts with a line for each.
    `stop_at` is when the task is stopped, a time with its zone (ISO 8601), or `stop_after` how long
    after its start, in seconds or as `3h`.
    """

    software: str = Field(min_length=1, max_length=80)
    version: str | None = Field(default=None, max_length=128)
    computing: str | None = Field(default=None, max_length=80)
    engine: str | None = Field(default=None, max_length=20)
    runtime: str | None = Field(default=None, max_length=40)
    cpus: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    memory: ByteSize | None = None
    size: str | None = Field(default=None, max_length=80)
    emulated: bool = False
    digest: str | None = Field(default=None, pattern=DIGEST)
    without_storages: Texts = Field(default=(), max_length=100)
    binds: Texts = Field(default=(), max_length=MOST_BINDS)
    inputs: Transfers = Field(default=(), max_length=MOST_TRANSFERS)
    outputs: Transfers = Field(default=(), max_length=MOST_TRANSFERS)
    stop_at: Annotated[AwareDatetime, AfterValidator(_is_later)] | None = None
    stop_after: Duration | None = None
    name: Annotated[str, AfterValidator(_is_one_line)] = Field(default="", max_length=80)

    def queue_request(self) -> QueueRequest:
        """What of them is the workload manager's."""
        return QueueRequest(**{name: getattr(self, name) for name in QueueRequest.model_fields})


@dataclass(frozen=True)
class TaskSpec:
    """A task that may run: everything resolved, nothing left to choose.

    `options` are what it was resolved from, `cpus` is a number of cores and `memory` bytes; None
    means without a limit. `expected_digest` is what the version's tag was when the software was
    looked up; None where it is pinned, or where nobody has looked.
    """

    options: TaskOptions
    family: str
    software: Software
    computing: Computing
    engine: str
    runtime: str | None
    cpus: float | None
    memory: int | None
    request: QueueRequest
    name: str
    storages: tuple[BoundStorage, ...] = ()
    inputs: tuple[StagedFile, ...] = ()
    outputs: tuple[StagedFile, ...] = ()
    expected_digest: str | None = None


def parse_options(raw: Mapping[str, Any]) -> TaskOptions:
    """Typed options from untrusted input.

    Raises:
        InvalidOptions: a message that names the option and what is allowed.
    """
    try:
        # A form sends an empty text for what was left open.
        return TaskOptions.model_validate({key: value for key, value in raw.items() if value != ""})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        option = str(fault["loc"][0]) if fault["loc"] else "options"
        if fault["type"] == "extra_forbidden":
            allowed = ", ".join(TaskOptions.model_fields)
            raise InvalidOptions(f"There is no option {option!r}. Options: {allowed}.") from error
        if fault["type"] == "missing":
            raise InvalidOptions(f"Choose a {option}.") from error
        message = describe_value_fault(fault)
        raise InvalidOptions(f"The option {option!r} can't be used: {message}.") from error


def resolve_options(options: TaskOptions, catalogue: Catalogue, user: User) -> TaskSpec:
    """The task that the options ask for, within the user's rights.

    Raises:
        InvalidOptions: something does not exist, is not the user's, or is out of range. What is
            not the user's is answered like what does not exist.
    """
    if options.stop_at is not None and options.stop_after is not None:
        raise InvalidOptions("Set either 'stop_at' or 'stop_after'.")
    family, software = _software(options, catalogue, user)
    if software.kind == "native":
        raise InvalidOptions(f"{software.name} is started by the hub itself, not as a container.")
    computing = _computing(options, software, catalogue, user)
    _check_emulation(options, software, computing)
    software = _pinned(options, software)
    engine = _engine(options, software, computing)
    size = _size(options, computing)
    return TaskSpec(
        options=options,
        family=family.id,
        software=computing.fitted(software),
        computing=computing,
        engine=engine.name,
        runtime=_runtime(options, engine, computing),
        cpus=_cpus(options, size, computing),
        memory=_memory(options, size, computing),
        request=resolve_request(options.queue_request(), size, computing),
        name=options.name or software.name,
        storages=resolve_storages(
            catalogue.storages_for(user, computing.id),
            options.without_storages,
            options.binds,
            software,
            computing,
        ),
        inputs=resolve_staging(options.inputs, "inputs", catalogue.storages_of(user)),
        outputs=resolve_staging(options.outputs, "outputs", catalogue.storages_of(user)),
        expected_digest=None if software.image_digest else family.record(software).digest,
    )


def _software(
    options: TaskOptions, catalogue: Catalogue, user: User
) -> tuple[SoftwareFamily, Software]:
    families = {family.id: family for family in catalogue.families_for(user)}
    family = families.get(options.software)
    if family is None:
        _tell_audience(options, catalogue, user)
        raise InvalidOptions(
            f"There is no software {options.software!r} for you. Choose one of the catalogue."
        )
    software = family.version(options.version)
    if software is None:
        tags = ", ".join(version.image_tag for version in family.versions)
        raise InvalidOptions(
            f"{family.default.name} has no version {options.version!r}. Versions: {tags}."
        )
    if refused := family.record(software).refused:
        raise InvalidOptions(refused)
    return family, software


def _tell_audience(options: TaskOptions, catalogue: Catalogue, user: User) -> None:
    """Say for whom software is that the user may see, and not start.

    Raises:
        InvalidOptions: always, where it is such software.
    """
    family = catalogue.software.get(options.software)
    for software in catalogue.denied_to(user) if family else ():
        if family and software in family.versions:
            ask = software.access_request
            where = f" Ask for access: {ask}" if ask else " Ask an administrator for access."
            raise InvalidOptions(f"{software.name} is not for you. {software.audience}{where}")


def _computing(
    options: TaskOptions, software: Software, catalogue: Catalogue, user: User
) -> Computing:
    resources = {resource.id: resource for resource in catalogue.computing_for(user, software)}
    obstacles = {
        resource.id: f" {why}" for resource, why in catalogue.unavailable_for(user, software)
    }
    if not resources:
        reason = next(iter(obstacles.values()), "")
        raise InvalidOptions(
            f"No computing resource that you may use runs {software.name}.{reason}"
        )
    if options.computing is None:
        return next(iter(resources.values()))
    if options.computing not in resources:
        reason = obstacles.get(options.computing, "")
        raise InvalidOptions(
            f"{software.name} can't run on {options.computing!r}.{reason}"
            f" Computing resources for it: {', '.join(resources)}."
        )
    return resources[options.computing]


def _pinned(options: TaskOptions, software: Software) -> Software:
    """The software with the image that the user wants exactly, of the same repository."""
    if options.digest is None or options.digest == software.image_digest:
        return software
    if software.is_file:
        raise InvalidOptions(f"The image of {software.name} is a file, which has no digest.")
    if software.image_digest is not None:
        raise InvalidOptions(
            f"{software.name} runs the image {software.image_digest} alone. Start it without the"
            " option 'digest'."
        )
    if software.is_privileged:
        raise InvalidOptions(
            f"{software.name} has rights that were given to its version {software.image_tag} alone."
            " Start it without the option 'digest'."
        )
    return software.model_copy(update={"image_digest": options.digest})


def _check_emulation(options: TaskOptions, software: Software, computing: Computing) -> None:
    if computing.support(software) == "emulated" and not options.emulated:
        raise InvalidOptions(
            f"{software.name} is made for another architecture: {computing.name} emulates it, which"
            " is much slower. Set the option 'emulated' to true to start it all the same."
        )


def _engine(options: TaskOptions, software: Software, computing: Computing) -> EngineConfig:
    engines = computing.engines_for(software)
    if options.engine is None:
        return engines[0]
    name = canonical_engine(options.engine)
    engine = next((engine for engine in engines if engine.name == name), None)
    if engine is None:
        names = ", ".join(engine.name for engine in engines)
        raise InvalidOptions(
            f"{software.name} has no container engine {options.engine!r} on {computing.name}."
            f" Engines: {names}."
        )
    return engine


def _runtime(options: TaskOptions, engine: EngineConfig, computing: Computing) -> str | None:
    if options.runtime is None:
        return engine.runtimes[0] if engine.runtimes else None
    if options.runtime not in engine.runtimes:
        names = ", ".join(engine.runtimes) or "only the engine's own"
        raise InvalidOptions(
            f"{engine.name} on {computing.name} has no runtime {options.runtime!r}."
            f" Runtimes: {names}."
        )
    return options.runtime


def _size(options: TaskOptions, computing: Computing) -> Size | None:
    if options.size is None:
        return None
    size = next((size for size in computing.sizes if size.name == options.size), None)
    if size is None:
        names = ", ".join(size.name for size in computing.sizes) or "none"
        raise InvalidOptions(f"{computing.name} has no size {options.size!r}. Its sizes: {names}.")
    return size


def _cpus(options: TaskOptions, size: Size | None, computing: Computing) -> float | None:
    cpus, most = options.cpus or (size.cpus if size else None), computing.max_cpus
    if cpus is not None and most is not None and cpus > most:
        raise InvalidOptions(f"{computing.name} gives a task at most {most:g} CPUs, not {cpus:g}.")
    # Nothing asked for and no default: the limit is what the resource gives.
    return cpus or computing.default_cpus or most


def _memory(options: TaskOptions, size: Size | None, computing: Computing) -> int | None:
    memory, most = options.memory or (size.memory if size else None), computing.max_memory
    if memory is not None and memory < MINIMAL_MEMORY:
        raise InvalidOptions(f"A task needs at least {format_size(MINIMAL_MEMORY)} of memory.")
    if memory is not None and most is not None and memory > most:
        raise InvalidOptions(
            f"{computing.name} gives a task at most {format_size(most)} of memory,"
            f" not {format_size(memory)}."
        )
    return memory or computing.default_memory or most
