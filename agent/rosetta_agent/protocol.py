"""What the service and its agents agree on. Both import this module; nothing of it stands twice.

The service starts an agent with a JSON document (``rosetta_agent.spec`` reads it). The agent posts
reports (``rosetta_agent.report`` builds them, ``rosetta_hub.tasks.report`` reads them), and the
answers say what the task should be. Whoever connects to an interface that listens on a network of
the node shakes hands first.
"""

import hashlib
import hmac
import os
from typing import Dict, Iterable, Optional, Tuple

#: Version of the document that starts an agent.
VERSION = 1
#: Container engines that an agent can use.
ENGINES = ("docker", "podman", "singularity")
#: Those that can publish a port of a container as one of their machine.
PUBLISHING_ENGINES = ("docker", "podman")

#: States of a report; with one of the last two the attempt is over.
STATES = ("pulling", "starting", "running", "stopped", "failed")
FINAL_STATES = ("stopped", "failed")
#: What the service wants a task to be, in each answer to a report.
DESIRED_STATES = ("run", "stop")
#: Status of an answer that refuses the agent, where its document says ``"refused": true``.
REFUSALS = (403, 404)

#: Why a task failed.
REASONS = (
    "image_not_found",
    "registry_unreachable",
    "registry_denied",
    "registry_login",
    "registry_limit",
    "engine_unavailable",
    "disk_full",
    "out_of_memory",
    "out_of_disk",
    "exited",
    "no_answer",
    "wrong_protocol",
    "port_in_use",
    "unsupported",
    "unanswered",
    "time_limit",
    "preempted",
    "node_failure",
    "evicted",
    "cancelled",
    "quota_exceeded",
    "storage_missing",
    "storage_denied",
    "storage_outside",
    "storage_owner",
    "storage_full",
    "storage_read_only",
    "storage_unavailable",
    "internal",
)
#: Reasons that pass by themselves: an agent that was refused for one may start later.
NO_SPACE_REASONS = ("disk_full", "quota_exceeded")
#: What users should know about a task that goes on.
WARNINGS = (
    "no_outbound",
    "neighbours_can_connect",
    "no_network_isolation",
    "limits_not_enforced",
    "disk_not_limited",
    "little_room",
    "time_limit_near",
)
#: How the interface is reached: a socket in the sandbox, a port that the engine publishes, a port
#: of the node with the handshake, a connection that the node dials, or a port that the API server
#: of Kubernetes forwards, where no agent runs.
INTERFACE_KINDS = ("socket", "port", "listener", "dial", "forward")
#: How an answer of an interface begins, by its protocol; of another protocol nothing is known. The
#: agent asks on the node, the hub where no agent can.
GREETINGS = {"http": b"HTTP/", "https": b"HTTP/", "ssh": b"SSH-"}

#: A node that nothing can connect to dials: it asks for an upgrade of a GET of this path, for the
#: one control connection (``control``) or for a connection that it was told to make
#: (``stream/<id>``, 32 hexadecimal digits).
DIAL_PATH = "/dial/{task}/{attempt}/{purpose}"
DIAL_UPGRADE = "rosetta-tunnel"

#: Characters of the fields of a report.
MAX_MESSAGE, MAX_DETAIL = 200, 2000
#: Digests by which an image is known.
MAX_DIGESTS = 8
#: Bytes of a container's output: of all that is kept, and of what one report carries.
MAX_LOG, MAX_LOG_CHUNK = 5 * 1024 * 1024, 64 * 1024

#: Seconds in which ``stop`` answers, beyond those that the container gets to end.
STOP_SECONDS = 60.0
#: Exit status of a check whose findings come back by nothing else: the base, and a bit for each
#: fault. No other program ends with one of these.
CHECK_STATUS_BASE = 64
CHECK_FAULTS = {
    "engines": 1,
    "namespaces": 2,
    "service": 4,
    "tunnels": 8,
    "image": 16,
    "container": 32,
}


def socket_name(port: Optional[int]) -> str:
    """The socket that leads to an interface, in the attempt's directory; None is the main one."""
    return "interface.sock" if port is None else "{}.sock".format(port)


# --- the handshake -------------------------------------------------------------------------------
#
# K is the secret of the attempt (32 bytes), known to the hub's side and to the node.
#
#     client   b"RHUB1" + Nc (32 random bytes)
#     server   Ns (32 random bytes) + HMAC-SHA256(K, b"server" + Nc + Ns)
#     client   HMAC-SHA256(K, b"client" + Nc + Ns), then the bytes of the connection
#
# For a further interface of the software, on port P of the container, the client's proof says
# b"client:P" in the place of b"client". The server compares it with those of the declared ports:
# there is no way to ask for any other.
#
# Each side proves that it knows K without saying it: a stranger who took the port of an ended task
# learns nothing, and a stranger who connects gets nowhere.

MAGIC = b"RHUB1"
NONCE_SIZE = 32
PROOF_SIZE = 32
#: Bytes of the client's first message, and of the server's answer.
HELLO_SIZE = len(MAGIC) + NONCE_SIZE
ANSWER_SIZE = NONCE_SIZE + PROOF_SIZE


class HandshakeError(Exception):
    """The other side does not know the secret."""


def client_role(port: Optional[int]) -> bytes:
    """What the client's proof says of the interface: None is the main one, else its port."""
    return b"client" if port is None else "client:{}".format(port).encode("ascii")


def prove(key: bytes, role: bytes, client_nonce: bytes, server_nonce: bytes) -> bytes:
    """What only somebody who knows the key can say."""
    return hmac.new(key, role + client_nonce + server_nonce, hashlib.sha256).digest()


class ServerHandshake:
    """The side of the node, fed with what arrives.

    ``ports`` are those of the further interfaces. When the handshake is ``done``, ``port`` is the
    one of them that the client wants, or None for the main interface.
    """

    def __init__(self, key: bytes, ports: Iterable[int] = ()) -> None:
        self._key = key
        self._choices: Tuple[Optional[int], ...] = (None,) + tuple(ports)
        self._received = b""
        self._expected: Optional[Dict[Optional[int], bytes]] = None
        self.done = False
        self.port: Optional[int] = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes; returns those to send. What follows the handshake is ``rest``.

        Raises:
            HandshakeError: this is not somebody who knows the secret.
        """
        self._received += data
        if self._expected is not None:
            self._check(self._expected)
            return b""
        length = min(len(self._received), len(MAGIC))
        if self._received[:length] != MAGIC[:length]:
            raise HandshakeError("no greeting")
        if len(self._received) < HELLO_SIZE:
            return b""
        client_nonce, nonce = self._received[len(MAGIC) : HELLO_SIZE], os.urandom(NONCE_SIZE)
        self._expected = {
            port: prove(self._key, client_role(port), client_nonce, nonce) for port in self._choices
        }
        self._received = self._received[HELLO_SIZE:]
        self._check(self._expected)
        return nonce + prove(self._key, b"server", client_nonce, nonce)

    def _check(self, expected: Dict[Optional[int], bytes]) -> None:
        if len(self._received) < PROOF_SIZE:
            return
        proof, self._received = self._received[:PROOF_SIZE], self._received[PROOF_SIZE:]
        proven = [port for port in expected if hmac.compare_digest(proof, expected[port])]
        if not proven:
            raise HandshakeError("wrong proof")
        self.port, self.done = proven[0], True

    @property
    def rest(self) -> bytes:
        """Bytes that came behind the handshake."""
        return self._received if self.done else b""


class ClientHandshake:
    """The side that connects: the hub's. ``port`` chooses a further interface."""

    def __init__(self, key: bytes, port: Optional[int] = None) -> None:
        self._key = key
        self._role = client_role(port)
        self._nonce = os.urandom(NONCE_SIZE)

    @property
    def hello(self) -> bytes:
        """The first bytes to send."""
        return MAGIC + self._nonce

    def reply(self, answer: bytes) -> bytes:
        """What is sent after the server's ``ANSWER_SIZE`` bytes.

        Raises:
            HandshakeError: the server does not know the secret; nothing may be sent to it.
        """
        server_nonce, proof = answer[:NONCE_SIZE], answer[NONCE_SIZE:]
        expected = prove(self._key, b"server", self._nonce, server_nonce)
        if not hmac.compare_digest(proof, expected):
            raise HandshakeError("wrong proof")
        return prove(self._key, self._role, self._nonce, server_nonce)
