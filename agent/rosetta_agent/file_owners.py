"""Who owns what a task writes: one recipe for each engine, privilege and user of an image.

Everything here is pure; docs/storages.md has the same as a table. A recipe says as whom the
container runs, by which options. Where that is not the files' owner, ``map_of`` says which
mount shows them as the container's own.
"""

from typing import NamedTuple, Optional, Sequence, Tuple

from rosetta_agent.bind_options import Bind, Owner
from rosetta_agent.errors import TaskFailure
from rosetta_agent.idmap import IdMap

ROOT = Owner(0, 0)
#: Docker's remapped containers have this many users and groups, as a rule.
_LAST_OF_REMAPPED = 65535


class Place(NamedTuple):
    """What matters of an engine on one machine.

    ``account`` is the agent's. ``personal``: the engine runs as that account, too, and root in
    its containers is that account. ``can_mount``: the agent may make mounts that the engine
    sees. ``first`` are the numbers on the disk of root in a container (userns-remap of Docker).
    ``keeps_ids``: podman maps the account to any user of an image (podman 4.3). ``remote``: the
    engine runs on another machine, where nothing can be checked or mounted.
    """

    engine: str
    account: Owner
    personal: bool
    can_mount: bool = False
    first: Owner = ROOT
    keeps_ids: bool = False
    remote: bool = False


class ImageUser(NamedTuple):
    """As whom an image runs: ``user`` starts it.

    ``becomes`` is whom it becomes where root gives its rights up. ``any_user``: it runs as well
    as anybody else.
    """

    user: Owner
    becomes: Optional[Owner] = None
    any_user: bool = False

    @property
    def writes(self) -> Owner:
        """The user in the container whose the files have to be."""
        return self.becomes or self.user


class Recipe(NamedTuple):
    """How a container is started: ``user``, ``keep-id``, ``fakeroot`` or ``none``.

    ``writes`` is the user in the container that files have to belong to, as numbers of the
    machine. ``names``: that user gets an entry in /etc/passwd, by a file of this machine, which
    an engine elsewhere does not see. ``groups`` are more groups of the owner, which the
    container has, too.
    """

    kind: str
    options: Tuple[str, ...]
    writes: Owner
    names: bool = False
    groups: Tuple[int, ...] = ()


def choose_recipe(
    place: Place, image: ImageUser, owner: Optional[Owner], groups: Sequence[int] = ()
) -> Recipe:
    """As whom the container runs, so that files of ``owner`` are its own if that is possible.

    ``owner`` is None where nothing but reading is asked for; ``groups`` are all of its groups.
    """
    if place.engine == "singularity":
        return _singularity(place, image)
    if place.personal:
        return _personal(place, image)
    recipe = _shared(place, image, owner)
    more = () if place.remote or owner is None else _more_groups(place, image, groups, owner)
    added = [word for group in more for word in ("--group-add", str(group))]
    return recipe._replace(options=recipe.options + tuple(added), groups=more)


def _shared(place: Place, image: ImageUser, owner: Optional[Owner]) -> Recipe:
    """Engines that run as root for everybody."""
    takes_it = image.any_user and owner is not None and owner.uid != 0 and place.first == ROOT
    if takes_it and owner is not None and owner.uid != image.writes.uid:
        return Recipe("user", _user_options(owner), owner, names=not place.remote)
    writes = image.writes
    return Recipe("none", (), Owner(place.first.uid + writes.uid, place.first.gid + writes.gid))


def _more_groups(
    place: Place, image: ImageUser, groups: Sequence[int], owner: Owner
) -> Tuple[int, ...]:
    """Those of a user's groups that mean the same in the container; root's never does."""
    excluded = {0, owner.gid, image.writes.gid}
    most = _LAST_OF_REMAPPED if place.first != ROOT else max(groups, default=0)
    return tuple(sorted(group for group in set(groups) - excluded if group <= most))


def _singularity(place: Place, image: ImageUser) -> Recipe:
    """Containers run as the account, whatever the image says."""
    if place.account.uid != 0 and image.user.uid == 0:
        return Recipe("fakeroot", ("--fakeroot",), place.account)
    return Recipe("none", (), place.account)


def _personal(place: Place, image: ImageUser) -> Recipe:
    """Rootless engines: root is the account, all others are numbers that nobody has."""
    writes, account = image.writes, place.account
    if writes.uid == 0:
        return Recipe("none", (), account)
    if place.engine == "podman" and place.keeps_ids:
        keep = ("--userns=keep-id:uid={},gid={}".format(writes.uid, writes.gid),)
        return Recipe("keep-id", keep + (_user_options(ROOT) if image.becomes else ()), account)
    if image.any_user and place.engine == "podman":
        return Recipe("keep-id", ("--userns=keep-id",) + _user_options(account), account)
    if image.any_user:
        return Recipe("user", _user_options(ROOT), account)
    return Recipe("none", (), Owner(-1, -1))


def _user_options(user: Owner) -> Tuple[str, ...]:
    return ("--user", "{}:{}".format(user.uid, user.gid))


def map_of(place: Place, recipe: Recipe, bind: Bind, owner: Optional[Owner]) -> Optional[IdMap]:
    """How a mount has to show the files of a bind; None where they are fine as they are.

    Raises:
        TaskFailure: the container could not use them (storage_owner).
    """
    if owner is not None and owner.uid == recipe.writes.uid:
        return None
    if owner is not None and place.can_mount and not place.personal:
        writes = recipe.writes
        more = [group for group in recipe.groups if group != owner.gid]
        pairs = [(owner.gid, writes.gid)] + [(group, place.first.gid + group) for group in more]
        return IdMap(((owner.uid, writes.uid),), tuple(pairs))
    if bind.read_only and (bind.within is None or place.personal):
        return None
    raise refusal(place, recipe, bind, owner)


def refusal(place: Place, recipe: Recipe, bind: Bind, owner: Optional[Owner]) -> TaskFailure:
    """Why files of a bind can't be the container's own."""
    if owner is None:
        detail = (
            "The engine runs on another machine, so the storage of {} needs an 'owner' with a"
            " number.".format(bind.target)
        )
    elif place.personal and owner.uid != place.account.uid:
        detail = "Files of {} belong to user {}, but tasks run as user {} there.".format(
            bind.target, owner.uid, place.account.uid
        )
    elif place.personal:
        detail = (
            "The image runs as a user of its own, whom this version of the container engine can't"
            " map to your account. Podman 4.3 or newer can, and so can Singularity."
        )
    else:
        detail = (
            "Files of {} belong to user {}, but the image runs as user {}, and the agent may not"
            " mount them as that user's there.".format(bind.target, owner.uid, recipe.writes.uid)
        )
    return TaskFailure("storage_owner", "The task can't use the files of a storage.", detail)
