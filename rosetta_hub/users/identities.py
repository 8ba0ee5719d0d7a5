"""Users' own accounts on computing resources with auth mode `user_keys`, and the keys for them.

A storage that is reached over SSH by itself has such accounts, too (catalogue/access_points.py).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cryptography.fernet import InvalidToken
from pydantic import BaseModel
from sqlalchemy import select

from rosetta_hub.catalogue.access_points import AccessPoint, access_points, may_use_point
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.computing_conf import SshLogin
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_user import Identity, IdentityState
from rosetta_hub.errors import Conflict, InvalidOptions, NotFound, ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.ssh.keys import KeyPair, generate_key_pair

# As useradd(8) allows them, upper case besides. Never an option of a program: no leading hyphen.
_REMOTE_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")
# Commands, terminals and forwarding of ports and of unix sockets (sshd counts both as port
# forwarding); no agent, no X11, no ~/.ssh/rc. Needs OpenSSH 7.2 (2016).
_OPTIONS = "restrict,pty,port-forwarding"

# Tries an identity out: its new state, and a message for the user. It raises
# `ResourceUnavailable` where nothing was found out.
IdentityTester = Callable[[str, str], Awaitable[tuple[IdentityState, str]]]


@dataclass(frozen=True)
class ConnectionCredentials:
    """What a connection is opened with on behalf of a user."""

    remote_user: str
    public_key: str
    private_key: str = field(repr=False)
    """OpenSSH's format, without a passphrase."""


class IdentityView(BaseModel):
    """An identity as its user sees it; `paste` is the line for `~/.ssh/authorized_keys`.

    `fixed` says that the account is not the user's choice: the hub signs a certificate for it.
    """

    computing: str
    name: str
    host: str
    remote_user: str | None
    fixed: bool
    public_key: str | None
    paste: str | None
    state: IdentityState
    message: str


class Identities:
    """The identities of all users. Nothing here asks a resource, but for `test`.

    Where the resource trusts a CA of the hub (`ca_key_file`) nothing proves that an account is
    the user's: there it is the one of the user's own name on the hub, and no other.
    """

    def __init__(self, database: Database, keys: Keys, settings: Rosetta) -> None:
        self._database = database
        self._cipher = keys.database
        self._points = access_points(settings.catalogue())
        self._tested: set[tuple[str, str]] = set()

    def needed(self, computing: AccessPoint) -> bool:
        """Whether one logs in there as the user's own account."""
        return computing.auth_mode == "user_keys"

    def ready(self, user: User, computing: AccessPoint) -> bool:
        """Whether the user has said who it is there, and was not refused at the last try."""
        view = self._view(user.name, computing)
        return view.state in (IdentityState.UNTESTED, IdentityState.WORKS)

    def views(self, user: User) -> list[IdentityView]:
        """All computing resources and storages on which the user may have an identity."""
        return [
            self._view(user.name, point)
            for point in self._points.values()
            if self.needed(point) and may_use_point(user, point)
        ]

    def view(self, user: User, computing_id: str) -> IdentityView:
        """One of them.

        Raises:
            NotFound: it is none of the user's, or needs no key.
        """
        return self._view(user.name, self._find(user, computing_id))

    def set_remote_user(self, user: User, computing_id: str, remote_user: str) -> IdentityView:
        """Set the account; the first time a key pair is made.

        Raises:
            NotFound: see `view`.
            InvalidOptions: this is no user name, or not the user's to choose.
        """
        computing = self._find(user, computing_id)
        if not _REMOTE_USER.fullmatch(remote_user):
            raise InvalidOptions(
                f"{remote_user[:40]!r} is not a user name. Give the name with which you log in to"
                f" {computing.name}: letters, digits, '_', '.' and '-', and no hyphen in front."
            )
        if _is_fixed(computing) and remote_user != user.name:
            raise InvalidOptions(f"On {computing.name} you are {user.name}, as on the hub.")
        with self._database.session() as session:
            row = session.get(Identity, (user.name, computing.id))
            if row is None:
                session.add(self._new(user.name, computing, remote_user))
            elif row.remote_user != remote_user:
                row.remote_user = remote_user
                _untested(row)
        return self._view(user.name, computing)

    def renew(self, user: User, computing_id: str) -> IdentityView:
        """Make a new key pair in the place of the old one, whose private key is lost for good.

        Raises:
            NotFound: see `view`.
            Conflict: there is none to replace.
        """
        computing = self._find(user, computing_id)
        with self._database.session() as session:
            row = session.get(Identity, (user.name, computing.id))
            if row is None:
                raise Conflict(f"There is no key for {computing.name} yet: set your user name.")
            fresh = self._new(user.name, computing, row.remote_user)
            row.public_key, row.private_key = fresh.public_key, fresh.private_key
            _untested(row)
        return self._view(user.name, computing)

    def replace_key(self, user: User, computing_id: str, pair: KeyPair) -> IdentityView:
        """Use a key pair that the user has brought in the place of the present one.

        Raises:
            NotFound: see `view`.
            InvalidOptions: the hub signs certificates there, so no key of the user is used.
            Conflict: the account there is not set.
        """
        computing = self._find(user, computing_id)
        if _is_fixed(computing):
            raise InvalidOptions(
                f"{computing.name} needs no key of yours: the hub vouches for you."
            )
        with self._database.session() as session:
            row = session.get(Identity, (user.name, computing.id))
            if row is None:
                raise Conflict(f"Set your user name on {computing.name} first.")
            row.public_key = pair.public_key
            row.private_key = self._cipher.encrypt(pair.private_key.encode())
            _untested(row)
        return self._view(user.name, computing)

    def resources_of(self, user: str) -> list[str]:
        """The computing resources for which a key of the user is kept, removed ones included."""
        with self._database.session() as session:
            return list(session.scalars(select(Identity.computing).where(Identity.user == user)))

    def delete(self, user: str, computing_id: str) -> None:
        """Delete a user's key pair; does nothing where there is none."""
        with self._database.session() as session:
            row = session.get(Identity, (user, computing_id))
            if row is not None:
                session.delete(row)

    async def test(self, user: User, computing_id: str, tester: IdentityTester) -> IdentityView:
        """Try the identity out, and keep what came of it; one try at a time.

        Raises:
            NotFound: see `view`.
            Conflict: there is nothing to test, or a test goes on (who fails often is locked out).
            ResourceUnavailable: nothing was found out.
        """
        computing = self._find(user, computing_id)
        key = (user.name, computing.id)
        if key in self._tested:
            raise Conflict("A test of this key goes on. Wait for its result.")
        if self._view(user.name, computing).state is IdentityState.MISSING:
            raise Conflict(f"Set your user name on {computing.name} first.")
        used = self.credentials(*key)
        self._tested.add(key)
        try:
            state, message = await tester(*key)
        finally:
            self._tested.discard(key)
        self.record(*key, used, state, message)
        return self._view(user.name, computing)

    def record(
        self,
        user: str,
        computing_id: str,
        used: ConnectionCredentials,
        state: IdentityState,
        message: str,
    ) -> None:
        """Keep what a try with these credentials has shown; nothing when they are others by now."""
        with self._database.session() as session:
            row = session.get(Identity, (user, computing_id))
            same = row is not None and (row.remote_user, row.public_key) == (
                used.remote_user,
                used.public_key,
            )
            if row is not None and same:
                row.state, row.message, row.updated = state, message, utc_now()

    def credentials(self, user: str, computing_id: str) -> ConnectionCredentials:
        """With what to log in on behalf of the user; made now where nothing has to be pasted.

        Raises:
            ResourceUnavailable: there is nothing to log in with; the message says what to do.
        """
        computing = self._points[computing_id]
        with self._database.session() as session:
            row = session.get(Identity, (user, computing_id))
            if row is None and _is_fixed(computing) and _REMOTE_USER.fullmatch(user):
                row = self._new(user, computing, user)
                session.add(row)
        if row is None:
            raise ResourceUnavailable(
                f"You have no key for {computing.name} yet. Make one under 'Account'."
            )
        try:
            private = self._cipher.decrypt(row.private_key).decode()
        except InvalidToken as error:
            raise ResourceUnavailable(
                f"Your key for {computing.name} can't be read any more. Make a new one under"
                " 'Account'."
            ) from error
        return ConnectionCredentials(row.remote_user, row.public_key, private)

    def _find(self, user: User, computing_id: str) -> AccessPoint:
        point = self._points.get(computing_id)
        if point is None or not self.needed(point) or not may_use_point(user, point):
            raise NotFound("There is no such computing resource, or it needs no key of yours.")
        return point

    def _new(self, user: str, computing: AccessPoint, remote_user: str) -> Identity:
        pair = generate_key_pair(f"rosetta-hub:{user}")
        row = Identity(
            user=user,
            computing=computing.id,
            remote_user=remote_user,
            public_key=pair.public_key,
            private_key=self._cipher.encrypt(pair.private_key.encode()),
        )
        _untested(row)
        return row

    def _view(self, user: str, computing: AccessPoint) -> IdentityView:
        with self._database.session() as session:
            row = session.get(Identity, (user, computing.id))
        return build_view(user, computing, row)


def build_view(user: str, computing: AccessPoint, row: Identity | None) -> IdentityView:
    """What the user is shown of an identity, which may not be there yet."""
    fixed = _is_fixed(computing)
    state = row.state if row else IdentityState.MISSING
    remote_user = row.remote_user if row else None
    if fixed and row is None and _REMOTE_USER.fullmatch(user):
        state, remote_user = IdentityState.UNTESTED, user
    pasted = row.public_key if row and not fixed else None
    host = computing.conf.host if isinstance(computing.conf, SshLogin) else ""
    return IdentityView(
        computing=computing.id,
        name=computing.name,
        host=host,
        remote_user=remote_user,
        fixed=fixed,
        public_key=pasted,
        paste=f"{_OPTIONS} {pasted}" if pasted else None,
        state=state,
        message=(row.message if row else "") or _message(state, fixed, user, computing.name),
    )


def _message(state: IdentityState, fixed: bool, user: str, name: str) -> str:
    if state is IdentityState.MISSING and fixed:
        return f"Your name on the hub, {user}, is no user name for {name}. Tell the administrator."
    if state is IdentityState.MISSING:
        return "Set your user name there to get a key."
    if state is IdentityState.UNTESTED and fixed:
        return "There is nothing to set up: the hub vouches for you. You can test whether it works."
    if state is IdentityState.UNTESTED:
        return "Add the line below to ~/.ssh/authorized_keys there, then test it."
    return "It works." if state is IdentityState.WORKS else f"{name} did not accept the key."


def _is_fixed(computing: AccessPoint) -> bool:
    return isinstance(computing.conf, SshLogin) and bool(computing.conf.ca_key_file)


def _untested(row: Identity) -> None:
    row.state, row.message, row.updated = IdentityState.UNTESTED, "", utc_now()
