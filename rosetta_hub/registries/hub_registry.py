"""Tokens for the registry beside the hub, as its token server signs them (distribution, "Token").

The registry asks for a JSON Web Token (RFC 7519) that says what its bearer may do. It is signed
with a key that follows from the deployment's secret; the registry has the certificate. Tasks pull
with a password that is a token itself, which the token server alone accepts.
"""

import base64
import secrets
import time
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from rosetta_hub.keys import Keys
from rosetta_hub.registries.spaces import is_within, space_of, spaces_of

CERTIFICATE_FILE = "registry_certificate.pem"
# Seconds. The registry's clients fetch a new token for each step; a pull may take hours.
TOKEN_SECONDS = 300
LOGIN_SECONDS = 12 * 3600
# Clocks of hub and registry differ.
_EARLIER = 60
_ALGORITHM = "ES256"
# Passwords of tasks begin like this; tokens of the hub are hexadecimal.
_PREFIX = "rosetta-task."
_ACTIONS = frozenset({"pull", "push"})


@dataclass(frozen=True)
class Scope:
    """What a client asks a token for: actions on a repository."""

    repository: str
    actions: frozenset[str]


@dataclass(frozen=True)
class TaskLogin:
    """Who pulls for a task, and what: nothing else than the repository, where one is named."""

    user: str
    groups: frozenset[str]
    repository: str


def parse_scopes(texts: Iterable[str]) -> list[Scope]:
    """The scopes of a request for repositories; others, such as the catalogue, are left out."""
    scopes = []
    for text in " ".join(texts).split():
        kind, _, rest = text.partition(":")
        repository, _, actions = rest.rpartition(":")
        if kind == "repository" and repository:
            scopes.append(Scope(repository, frozenset(actions.split(",")) & _ACTIONS))
    return scopes


class HubRegistry:
    """Signs tokens for the registry `host`, and knows whose its repositories are."""

    def __init__(self, host: str, keys: Keys, certificate: x509.Certificate) -> None:
        self.host = host
        self.issuer = f"rosetta-hub-{keys.deployment}"
        self._key = ECKey.import_key(keys.registry_certificate.key)
        der = certificate.public_bytes(Encoding.DER)
        self._certificate = base64.b64encode(der).decode()

    def __repr__(self) -> str:
        return f"HubRegistry({self.host!r})"

    def space(self, repository: str) -> str:
        """The space that a repository is in: its members have the same rights."""
        return space_of(repository)

    def grant(self, user: str, groups: Set[str], scopes: Iterable[Scope], actions: Set[str]) -> str:
        """A token for what the user may do of what is asked for: in the user's spaces, `actions`.

        It lasts `TOKEN_SECONDS`.
        """
        spaces = spaces_of(user, groups)
        allowed = [
            Scope(scope.repository, scope.actions & actions)
            for scope in scopes
            if is_within(scope.repository, spaces)
        ]
        access = [
            {"type": "repository", "name": scope.repository, "actions": sorted(scope.actions)}
            for scope in allowed
            if scope.actions
        ]
        header = {"x5c": [self._certificate]}
        return self._sign(header, TOKEN_SECONDS, aud=self.host, sub=user, access=access)

    def pull_login(self, user: str, groups: Set[str], repository: str = "") -> str:
        """The password with which a task of the user pulls; the token server alone takes it."""
        claims = {"sub": user, "groups": sorted(groups), "repository": repository}
        return _PREFIX + self._sign({}, LOGIN_SECONDS, aud=self._own_audience, **claims)

    def read_login(self, password: str) -> TaskLogin | None:
        """Whose password of a task this is; None where it is none, or not any more."""
        if not password.startswith(_PREFIX):
            return None
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._own_audience},
            exp={"essential": True},
        )
        try:
            token = jwt.decode(password.removeprefix(_PREFIX), self._key, algorithms=[_ALGORITHM])
            rules.validate(token.claims)
        except (JoseError, ValueError):
            return None
        claims = token.claims
        return TaskLogin(claims["sub"], frozenset(claims["groups"]), claims["repository"])

    @property
    def _own_audience(self) -> str:
        return f"token server of {self.host}"

    def _sign(self, header: dict[str, Any], seconds: int, **claims: Any) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now - _EARLIER, "exp": now + seconds}
        unique = {"iss": self.issuer, "jti": secrets.token_hex(16)}
        whole = {"alg": _ALGORITHM, "typ": "JWT", **header}
        return jwt.encode(whole, {**unique, **times, **claims}, self._key)


def load_registry(host: str, state_dir: Path, keys: Keys) -> HubRegistry:
    """The registry `host`, which has to trust the certificate in `state_dir`.

    Raises:
        OSError: see `read_certificate`.
    """
    return HubRegistry(host, keys, read_certificate(state_dir, keys))


def read_certificate(state_dir: Path, keys: Keys) -> x509.Certificate:
    """The certificate that the registry has to trust; made the first time, and kept.

    Its bytes have to stay the same: the registry compares them with those in each token.

    Raises:
        OSError: the file can't be read or written.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state_dir / CERTIFICATE_FILE
    certificate = x509.load_pem_x509_certificate(keys.registry_certificate.certificate.encode())
    try:
        existing = x509.load_pem_x509_certificate(path.read_bytes())
        if existing.public_key() == certificate.public_key():
            return existing
    except (FileNotFoundError, ValueError):
        pass
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.write_bytes(certificate.public_bytes(Encoding.PEM))
    draft.replace(path)
    return certificate
