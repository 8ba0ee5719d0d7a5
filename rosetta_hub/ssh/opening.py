"""Opening a connection: hop after hop, each with its own host key check."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import asyncssh

from rosetta_hub.ssh.batching import BatchingConnector
from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.errors import KeyRefused, SshError
from rosetta_hub.ssh.failures import Offer, explain_failure, explain_second_factor
from rosetta_hub.ssh.host_keys import order_algorithms
from rosetta_hub.ssh.ssh_config import read_options, resolve_hops

CONNECT_TIMEOUT = 10.0
LOGIN_TIMEOUT = 20.0
KEEPALIVE_INTERVAL = 15
KEEPALIVE_COUNT = 3
# sshd drops connections at random while many others log in (MaxStartups 10:30:100).
DROPPED_TRIES = 5
DROPPED_DELAY = 0.3
# Half as much work as ChaCha20, and not concerned by the Terrapin attack.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"

Lost = Callable[[Exception | None], None]


def _ignore(_error: Exception | None) -> None:
    """For hops whose end shows as that of the last one."""


class _Client(asyncssh.SSHClient):
    """Remembers the host key that was offered and not trusted, and a wish for a second factor.

    A server that does not accept the key has the client look for another one first; a server that
    accepts it and wants more asks for that at once.
    """

    def __init__(self, on_lost: Lost) -> None:
        self.offer: Offer | None = None
        self.on_lost = on_lost
        self.wants_second_factor = False
        self._key_refused = False

    def public_key_auth_requested(self) -> None:
        self._key_refused = True

    def kbdint_auth_requested(self) -> None:
        self.wants_second_factor = not self._key_refused

    def password_auth_requested(self) -> None:
        self.wants_second_factor = not self._key_refused

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.offer = Offer(host, addr, port, key.get_fingerprint())
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offer = Offer(host, addr, port, key.get_fingerprint())
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_lost(exc)


class Opening:
    """The connections of one endpoint, from the first jump host on.

    Raises:
        Refused: the SSH configuration can't be read.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.hops = resolve_hops(endpoint)
        self.connections: list[asyncssh.SSHClientConnection] = []

    @property
    def last(self) -> asyncssh.SSHClientConnection | None:
        """The connection that the next one goes through."""
        return self.connections[-1] if self.connections else None

    def close(self) -> None:
        """Close all of them, the last one first."""
        for connection in reversed(self.connections):
            connection.close()

    async def wait_closed(self) -> None:
        """Return when the servers were told of it."""
        for connection in reversed(self.connections):
            await connection.wait_closed()

    def read_options(self, hop: JumpHost) -> asyncssh.SSHClientConnectionOptions:
        """What the SSH configuration makes of a hop."""
        return read_options(self.endpoint, hop)

    def name_of(self, hop: JumpHost) -> tuple[str, int]:
        """Host and port by which its key is pinned."""
        options = self.read_options(hop)
        return str(options.host_key_alias or options.host), int(options.port)

    async def connect(self, on_lost: Lost) -> None:
        """Connect to all hops; `on_lost` is called once when the last one's connection ends.

        Raises:
            SshError: see `errors.py`; nothing is left open then.
        """
        try:
            for hop in self.hops[:-1]:
                await self.connect_hop(hop)
            await self.connect_hop(self.hops[-1], on_lost)
        except BaseException:
            self.close()
            raise

    async def connect_hop(self, hop: JumpHost, on_lost: Lost = _ignore) -> None:
        """Connect to the next hop, and try again when its server is too busy.

        Raises:
            SshError: see `errors.py`.
        """
        for tries in range(1, DROPPED_TRIES + 1):
            client = _Client(_ignore)
            try:
                connection = await self._connect_once(hop, client)
            except (OSError, asyncssh.Error, ValueError) as error:
                if not _is_dropped(error) or tries == DROPPED_TRIES:
                    raise self._explain(error, hop, client) from error
                # No randomness that protects anything: it parts those who come at once.
                await asyncio.sleep(DROPPED_DELAY * tries * random.uniform(0.5, 1.5))  # noqa: S311
            else:
                client.on_lost = on_lost
                self.connections.append(connection)
                return

    async def _connect_once(self, hop: JumpHost, client: _Client) -> asyncssh.SSHClientConnection:
        async with asyncio.timeout(CONNECT_TIMEOUT + LOGIN_TIMEOUT):
            return await asyncssh.connect(
                hop.host,
                client_factory=lambda: client,
                tunnel=self._tunnel(hop),
                **self._build_options(hop),
            )

    def _tunnel(self, hop: JumpHost) -> Any:
        options = self.read_options(hop)
        if self.last is not None or options.proxy_command:
            return self.last
        return BatchingConnector(options.family, options.local_addr)

    def _build_options(self, hop: JumpHost) -> dict[str, Any]:
        endpoint = self.endpoint
        options: dict[str, Any] = {
            "config": [endpoint.ssh_config] if endpoint.ssh_config else None,
            # An object: asyncssh reads ~/.ssh/known_hosts in the place of an empty text, and
            # trusts every host when it is given None.
            "known_hosts": asyncssh.import_known_hosts(endpoint.known_hosts),
            "client_keys": [self._read_key()],
            "agent_path": None,
            # Nothing is sent but the key; what else a server wants is heard by the client.
            "preferred_auth": "publickey,keyboard-interactive,password",
            "host_based_auth": False,
            "gss_host": None,
            "x509_trusted_certs": None,
            "x509_trusted_cert_paths": [],
            "connect_timeout": CONNECT_TIMEOUT,
            "login_timeout": LOGIN_TIMEOUT,
            "keepalive_interval": KEEPALIVE_INTERVAL,
            "keepalive_count_max": KEEPALIVE_COUNT,
        }
        if hop.username:
            options["username"] = hop.username
        if hop.port:
            options["port"] = hop.port
        if not endpoint.ssh_config:
            options["encryption_algs"] = CIPHERS
        name, port = self.name_of(hop)
        if algorithms := order_algorithms(endpoint.known_hosts, name, port):
            options["server_host_key_algs"] = algorithms
        return options

    def _read_key(self) -> Any:
        try:
            key = asyncssh.import_private_key(self.endpoint.private_key)
            if self.endpoint.certificate is None:
                return key
            return key, asyncssh.import_certificate(self.endpoint.certificate)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            # Not the library's message: it could quote from the key.
            raise KeyRefused(
                f"The private key of {self.endpoint.identity} for {self.endpoint.resource}, or its"
                " certificate, can't be read; it has to be in OpenSSH's format, without a"
                " passphrase. Make a new one."
            ) from error

    def _explain(self, error: Exception, hop: JumpHost, client: _Client) -> SshError:
        options = self.read_options(hop)
        if isinstance(error, asyncssh.PermissionDenied) and client.wants_second_factor:
            return explain_second_factor(str(options.username), str(options.host))
        return explain_failure(error, self.endpoint, hop, options, client.offer)


def _is_dropped(error: Exception) -> bool:
    """Whether the server closed the connection before anything was said about us."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.PermissionDenied):
        return False
    dropped = (asyncssh.ConnectionLost, ConnectionResetError, BrokenPipeError)
    return isinstance(error, dropped)
