"""Whose account is used on what is reached over SSH, and how one gets there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rosetta_hub.access import Access, Completed
from rosetta_hub.catalogue.access_points import AccessPoint
from rosetta_hub.catalogue.computing_conf import SshLogin
from rosetta_hub.database.models_user import IdentityState
from rosetta_hub.errors import AuthenticationFailed, ConfigError, ResourceUnavailable
from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.host_keys import join_known_hosts
from rosetta_hub.ssh.keys import sign_user_key
from rosetta_hub.users.identities import ConnectionCredentials, Identities

PLATFORM = "platform"
# Host keys that an administrator has accepted, in the state directory.
ACCEPTED_HOST_KEYS = "known_hosts"
# Minutes that a certificate of ours is good for; a new one is signed when half of them are over.
CERTIFICATE_MINUTES = 30
# Accounts that nobody becomes by having their name on the hub.
SYSTEM_ACCOUNTS = frozenset({"root", "slurm", "munge", "daemon", "bin", "nobody"})


def refuse_system_account(name: str) -> str:
    """The name, where the hub may vouch for it: hub names are easier to get than accounts.

    Raises:
        ResourceUnavailable: it is an account of the system itself.
    """
    if name in SYSTEM_ACCOUNTS:
        raise ResourceUnavailable(
            f"The hub does not vouch for the account {name} on computing resources."
            " Use the hub under another name."
        )
    return name


@dataclass(frozen=True)
class RemoteAccount:
    """An account of the resource, with what opens it."""

    identity: str
    username: str
    private_key: str = field(repr=False)
    certificate: str | None = field(repr=False)


class Endpoints:
    """Makes the SSH endpoint of each user of a resource.

    Files are read at each use: a renewed key or an accepted host key counts from then on.
    """

    def __init__(self, point: AccessPoint, identities: Identities, state_dir: Path) -> None:
        if not isinstance(point.conf, SshLogin):
            raise ConfigError(f"{point.id} is not reached over SSH.")
        self._point = point
        self._conf = point.conf
        self._identities = identities
        self._accepted = state_dir / ACCEPTED_HOST_KEYS
        self._certificates: dict[tuple[str, str], tuple[float, str]] = {}

    @property
    def is_shared(self) -> bool:
        """Whether all users have one account there."""
        return self._point.auth_mode != "user_keys"

    @property
    def python(self) -> str:
        """The command that starts Python there."""
        return self._conf.python

    def remote_user(self, user: str) -> str:
        """The account of a user of the hub.

        Raises:
            ResourceUnavailable: it is not known; the message says what to do.
        """
        if self.is_shared:
            return self._platform_user()
        return self._identities.credentials(user, self._point.id).remote_user

    def endpoint(self, user: str) -> Endpoint:
        """How to get there on behalf of this user of the hub.

        Raises:
            ResourceUnavailable: there is no key yet, or a file can't be read.
        """
        account, conf = self._account(user), self._conf
        return Endpoint(
            resource=self._point.id,
            identity=account.identity,
            host=conf.host,
            port=conf.port,
            username=account.username,
            private_key=account.private_key,
            certificate=account.certificate,
            known_hosts=self._known_hosts(),
            jump_hosts=tuple(JumpHost(jump.host, jump.port, jump.user) for jump in conf.jump_hosts),
            ssh_config=conf.ssh_config,
        )

    def access(self, user: str, open_access: Callable[[Endpoint], Access]) -> Access:
        """Commands on behalf of this user, with the credentials that are valid at each of them."""
        return _UserAccess(self, user, open_access)

    def credentials(self, user: str) -> ConnectionCredentials | None:
        """The user's own; None where the platform's are used.

        Raises:
            ResourceUnavailable: there are none yet; the message says what to do.
        """
        if self.is_shared:
            return None
        return self._identities.credentials(user, self._point.id)

    def learn(
        self, user: str, used: ConnectionCredentials | None, state: IdentityState, message: str
    ) -> None:
        """Keep whether these credentials were accepted, for the page of the user's keys."""
        if used is not None:
            self._identities.record(user, self._point.id, used, state, message)

    def _known_hosts(self) -> str:
        return read_known_hosts(self._conf, self._accepted)

    def _platform_user(self) -> str:
        if not self._conf.user:
            raise ResourceUnavailable(
                f"{self._point.name} is not set up: its 'user' is missing. Tell the administrator."
            )
        return self._conf.user

    def _account(self, user: str) -> RemoteAccount:
        if not self.is_shared:
            credentials = self._identities.credentials(user, self._point.id)
            certificate = self._certificate(credentials) if self._conf.ca_key_file else None
            return RemoteAccount(
                f"user {user}", credentials.remote_user, credentials.private_key, certificate
            )
        conf = self._conf
        if not conf.key_file:
            raise ResourceUnavailable(
                f"{self._point.name} is not set up: its 'key_file' is missing."
                " Tell the administrator."
            )
        certificate = _read(Path(conf.certificate_file)) if conf.certificate_file else None
        return RemoteAccount(
            PLATFORM, self._platform_user(), _read(Path(conf.key_file)), certificate
        )

    def _certificate(self, credentials: ConnectionCredentials) -> str:
        key = (credentials.public_key, refuse_system_account(credentials.remote_user))
        signed, certificate = self._certificates.get(key, (0.0, ""))
        if time.monotonic() - signed > CERTIFICATE_MINUTES * 30 or not certificate:
            certificate = sign_user_key(
                _read(Path(self._conf.ca_key_file or "")),
                credentials.public_key,
                credentials.remote_user,
                CERTIFICATE_MINUTES,
                f"rosetta-hub {credentials.remote_user}",
            )
            self._certificates[key] = (time.monotonic(), certificate)
        return certificate


def read_known_hosts(conf: SshLogin, accepted: Path) -> str:
    """The host keys that count: those of the configuration, and the accepted ones of other hosts.

    Raises:
        ResourceUnavailable: a file can't be read.
    """
    file = conf.known_hosts_file
    pinned = _read(file) if file else conf.known_hosts
    return join_known_hosts(pinned, _read(accepted) if accepted.exists() else "")


class _UserAccess:
    """See `Endpoints.access`."""

    def __init__(
        self, endpoints: Endpoints, user: str, open_access: Callable[[Endpoint], Access]
    ) -> None:
        self._endpoints = endpoints
        self._user = user
        self._open_access = open_access
        self._accepted: ConnectionCredentials | None = None

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """See Access."""
        used = self._endpoints.credentials(self._user)
        access = self._open_access(self._endpoints.endpoint(self._user))
        try:
            completed = await access.run(argv, stdin, timeout)
        except AuthenticationFailed as error:
            self._accepted = None
            self._endpoints.learn(self._user, used, IdentityState.REFUSED, str(error))
            raise
        if used != self._accepted:
            self._accepted = used
            self._endpoints.learn(self._user, used, IdentityState.WORKS, "")
        return completed


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ResourceUnavailable(f"The file {path} can't be read: {error.strerror}.") from error
