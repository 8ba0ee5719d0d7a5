"""The directories that one task gets: its user's storages, and binds of the user's own."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rosetta_hub.catalogue.bind_paths import check_path, check_target, is_below, overlap
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.software import Software
from rosetta_hub.catalogue.storages import Storage, expand_claim, expand_path
from rosetta_hub.errors import InvalidOptions


class BoundStorage(BaseModel):
    """A directory of a task, as it was when the attempt began.

    `source` and `claim` may still have the variables of a storage's `base_path` and `claim`. With a
    claim, `source` is a path in it. A bind of the user's own has
    no `id`, and `within` names the directory of the resource that it has to be in.
    """

    model_config = ConfigDict(frozen=True)

    id: str | None = None
    name: str
    source: str
    claim: str = ""
    target: str
    home: bool = False
    read_only: bool = False
    create: bool = False
    owner: Literal["service", "system"] | int = "service"
    within: str | None = None

    def path(self, user: str, account: str | None) -> str:
        """The directory on the resource, for a task of a user that runs as `account` there.

        Raises:
            StorageRefused: see `Storage.path`.
        """
        if self.within is not None:
            return self.source
        return expand_path(self.source, self.name, user, account)

    def claim_of(self, user: str) -> str:
        """The persistent volume claim that holds it; empty where no claim does.

        Raises:
            StorageRefused: see `Storage.claim_of`.
        """
        return expand_claim(self.claim, self.name, user)


def bind_target(storage: Storage, software: Software) -> str:
    """Where a task of that software has the storage: a home may have to be at another path."""
    return software.home_path if storage.home and software.home_path else storage.bind_path


def resolve_storages(
    storages: Iterable[Storage],
    without: Iterable[str],
    binds: Iterable[str],
    software: Software,
    computing: Computing,
) -> tuple[BoundStorage, ...]:
    """The directories of a task: the user's storages there, and the binds that the user adds.

    Storages of `without` are left out. Ids in it that none of the user's has there are not looked
    at: an old choice stays one when the configuration has changed, and nobody learns of a
    storage of others.

    Raises:
        InvalidOptions: a bind is not allowed, or would be in another's place.
    """
    left_out = set(without)
    bound = [_bind(storage, software) for storage in storages if storage.id not in left_out]
    for bind in _own_binds(binds, computing):
        for other in bound:
            if overlap(bind.target, other.target):
                raise InvalidOptions(
                    f"The option 'binds' can't be used: {bind.target!r} and {other.target!r} of"
                    f" {other.name} would be in one place. Choose another path in the container."
                )
        bound.append(bind)
    return tuple(bound)


def _bind(storage: Storage, software: Software) -> BoundStorage:
    return BoundStorage(
        id=storage.id,
        name=storage.name,
        source=storage.base_path,
        claim=storage.claim,
        target=bind_target(storage, software),
        home=storage.home,
        read_only=storage.read_only,
        create=storage.create,
        owner=storage.owner,
    )


def _own_binds(binds: Iterable[str], computing: Computing) -> Iterator[BoundStorage]:
    for text in binds:
        source, target = parse_bind(text)
        within = next((bind for bind in computing.extra_binds if is_below(source, bind)), None)
        if within is None:
            allowed = " or ".join(computing.extra_binds)
            raise InvalidOptions(
                f"The directory {source!r} can't be bound on {computing.name}: "
                + (f"it is not in {allowed}." if allowed else "it allows no binds of users.")
            )
        yield BoundStorage(name=source, source=source, target=target, within=within)


def parse_bind(text: str) -> tuple[str, str]:
    """The path on the resource and that in the container, from `/data/m31:/storages/m31`.

    Nobody has looked at the resource then: that links lead nowhere else is checked at mounting.

    Raises:
        InvalidOptions: it has another form, or a path that can't be one.
    """
    source, colon, target = (part.strip() for part in text.partition(":"))
    try:
        if not colon:
            raise ValueError("write it as '/path/there:/path/in/the/container'")
        return check_path(source), check_target(target)
    except ValueError as exc:
        raise InvalidOptions(f"The bind {text!r} can't be used: {exc}.") from exc
