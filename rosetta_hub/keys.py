"""The one secret of a deployment, and the keys derived from it.

The file holds 32 random bytes in hexadecimal, mode 0600, as the hub's own cookie secret file does.
Every use gets a key of its own (HKDF, RFC 5869), so that what one peer learns opens nothing else.
"""

import base64
import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rosetta_hub.errors import ConfigError
from rosetta_hub.tunnel_certificate import TunnelCertificate, build_certificate

SECRET_FILE = "rosetta_secret"  # noqa: S105 - a file name

# 32 letters and digits that are not mistaken for each other: a password is read from a page.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class Keys:
    """Keys derived from the secret file in `state_dir`; made there when it does not exist.

    Raises:
        ConfigError: the file can be read by others, or does not hold a secret.
    """

    def __init__(self, state_dir: Path) -> None:
        self._secret = _read_or_create(state_dir / SECRET_FILE)

    def __repr__(self) -> str:
        return "Keys(***)"

    @property
    def service_token(self) -> str:
        """The service's token for the hub's REST API."""
        return self._derive("service api token").hex()

    @property
    def deployment(self) -> str:
        """What tells this deployment's jobs from another's, in a scheduler that both use."""
        return self._derive("deployment").hex()[:8]

    @property
    def spawner_key(self) -> str:
        """What the spawners prove to the service that they are the hub's."""
        return self._derive("spawner").hex()

    @property
    def cookie_secret(self) -> bytes:
        """Signs the service's own cookies."""
        return self._derive("cookies")

    @property
    def database(self) -> Fernet:
        """Encrypts what must be kept secret in the database."""
        return Fernet(base64.urlsafe_b64encode(self._derive("database")))

    @property
    def auth_state_key(self) -> bytes:
        """Encrypts what providers say of users in the hub's database, unless the site has a key."""
        return self._derive("auth state")

    def undo_link(self, link_id: int, linked_at: float) -> str:
        """What a mail carries that may undo a link."""
        return self._derive(f"undo link {link_id} {linked_at:.0f}").hex()

    def invitation_token(self, seed: str) -> str:
        """The token of an invitation's link, the same for all attempts of the request for it."""
        return base64.urlsafe_b64encode(self._derive(f"invitation {seed}")).decode().rstrip("=")

    def agent_secret(self, task_id: str, attempt: int) -> str:
        """What the agent of an attempt proves itself with."""
        return self._derive(f"agent {task_id} {attempt}").hex()

    def session_cookie(self, task_id: str, attempt: int, user: str, token: str) -> str:
        """The cookie that lets a browser into an attempt: the same for the same login at the hub.

        `token` is what the browser got at the login; the cookie reveals nothing of it.
        """
        purpose = f"session {task_id} {attempt} {digest(token)} {user}"
        return base64.urlsafe_b64encode(self._derive(purpose)).decode().rstrip("=")

    def tunnel_secret(self, task_id: str, attempt: int) -> str:
        """What edge and node prove to each other before a byte reaches the container."""
        return self._derive(f"tunnel {task_id} {attempt}").hex()

    def file_pod_secret(self, pod: str) -> str:
        """What the service and a pod that reaches files prove to each other."""
        return self._derive(f"files {pod}").hex()

    @property
    def registry_certificate(self) -> TunnelCertificate:
        """What signs tokens for the hub's registry; its key is the same each time."""
        return build_certificate(self._derive("registry tokens"))

    def tunnel_certificate(self, task_id: str, attempt: int) -> TunnelCertificate:
        """What a node's port shows on the way `direct`; its key is the same each time."""
        return build_certificate(self._derive(f"tunnel certificate {task_id} {attempt}"))

    def task_cookie_secret(self, task_id: str, attempt: int, interface: int | None = None) -> str:
        """What the names of the cookies of an attempt's container begin with in browsers.

        Each further interface (its port) has another, so none gets the cookies of another.
        """
        purpose = f"task cookies {task_id} {attempt}"
        if interface is not None:
            purpose += f" {interface}"
        return self._derive(purpose).hex()[:16]

    def interface_password(self, task_id: str, attempt: int) -> str:
        """The one-time password of an attempt's interface: 100 bits in four groups of letters."""
        random = self._derive(f"interface {task_id} {attempt}")
        letters = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in random[:20])
        return "-".join(letters[start : start + 5] for start in range(0, 20, 5))

    def _derive(self, purpose: str) -> bytes:
        info = f"rosetta-hub {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret)


def digest(value: str) -> str:
    """SHA-256 in hexadecimal: what is kept of tickets, sessions and task secrets."""
    return hashlib.sha256(value.encode()).hexdigest()


def _read_or_create(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    return _read(path)


def _create(path: Path) -> None:
    # Hub and service may start at the same moment: a hard link appears whole, and only once.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by other users. Run: chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise ConfigError(
            f"{path} does not hold 32 bytes in hexadecimal. Restore it from a backup, or remove"
            " it: running tasks are then lost, and users have to log in again."
        )
    return secret
