"""The HTTP request that makes something else of its connection, and the answer; without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Bytes of an answer's head; the API server's has some hundred.
MAX_HEAD = 1 << 16
# Bytes of a refusal that are kept: it is shown to users.
MAX_REFUSAL = 1 << 14


class ProtocolError(Exception):
    """The server does not speak the protocol."""


class Refused(Exception):
    """The server has answered with another status; `body` is what it says, cut."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.body = body


@dataclass
class Upgrade:
    """A request to upgrade to a protocol, and its answer, which comes in parts."""

    method: str
    path: str
    host: str
    protocol: str
    headers: Mapping[str, str] = field(repr=False)
    _answer: bytes = field(default=b"", init=False, repr=False)

    @property
    def request(self) -> bytes:
        """What is sent first."""
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {self.host}",
            "Connection: Upgrade",
            f"Upgrade: {self.protocol}",
            *(f"{name}: {value}" for name, value in self.offer().items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def offer(self) -> Mapping[str, str]:
        """The headers of the request, but those that each upgrade has."""
        return self.headers

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes of the answer; returns those after it, or None while it is not complete.

        Raises:
            Refused: the server keeps the connection as it is.
            ProtocolError: this is no answer.
        """
        self._answer += data
        head, separator, rest = self._answer.partition(b"\r\n\r\n")
        if not separator:
            if len(self._answer) > MAX_HEAD:
                raise ProtocolError("the answer's head is too long")
            return None
        status, fields = _parse_head(head)
        if status == 101:
            self.check(fields)
            return rest
        length = fields.get("content-length", "0")
        if not length.isdecimal():
            raise ProtocolError("the answer has no length")
        if len(rest) < min(int(length), MAX_REFUSAL):
            return None
        raise Refused(status, rest[:MAX_REFUSAL])

    def check(self, fields: Mapping[str, str]) -> None:
        """Raise ProtocolError where the answer's headers, in lower case, do not fit."""
        if fields.get("upgrade", "").lower() != self.protocol.lower():
            raise ProtocolError(f"the answer is not to a request for {self.protocol}")


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not (version.startswith("HTTP/1.") and status.isdecimal()):
        raise ProtocolError("it does not speak HTTP")
    pairs = (line.partition(":") for line in lines)
    return int(status), {name.strip().lower(): value.strip() for name, _, value in pairs}
