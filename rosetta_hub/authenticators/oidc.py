"""OpenID Connect: the provider's configuration, and the check of its id tokens.

Specifications: OpenID Connect Discovery 1.0, Core 1.0 section 3.1.3.7, RFC 9207 (`iss`).
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from rosetta_hub.authenticators.method import MethodUnavailable, SignInRefused

# Algorithms with a public key: `none`, and those with the client's secret, are no proof here.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
# Seconds that the clocks of provider and hub may differ.
LEEWAY = 120
# Seconds that the configuration is kept.
METADATA_AGE = 3600.0
ENDPOINTS = {
    "authorize_url": "authorization_endpoint",
    "token_url": "token_endpoint",
    "userdata_url": "userinfo_endpoint",
}

# Fetches a URL as JSON.
Fetch = Callable[[str], Awaitable[Any]]


class OpenIdProvider:
    """What is known of a provider: its configuration and keys, asked for when they are needed."""

    def __init__(self, issuer: str, client_id: str, fetch: Fetch) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._fetch = fetch
        self._metadata: dict[str, Any] = {}
        self._metadata_time = -METADATA_AGE
        self._keys: KeySet | None = None
        self._lock = asyncio.Lock()

    async def metadata(self) -> dict[str, Any]:
        """The provider's configuration; an old one goes on where the provider does not answer.

        Raises:
            MethodUnavailable: it does not answer, or is another provider's.
        """
        async with self._lock:
            if time.monotonic() - self._metadata_time < METADATA_AGE:
                return self._metadata
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                document = await self._fetch(url)
            except MethodUnavailable:
                if self._metadata:
                    return self._metadata
                raise
            if not isinstance(document, dict) or document.get("issuer") != self.issuer:
                raise MethodUnavailable(f"{url} does not describe the issuer {self.issuer!r}.")
            self._metadata, self._metadata_time = document, time.monotonic()
            return document

    def check_response_issuer(self, issuer: str | None) -> None:
        """Check the parameter `iss` of an authorization response (RFC 9207).

        Raises:
            SignInRefused: it is another provider's, or missing although the provider sends it.
        """
        announced = self._metadata.get("authorization_response_iss_parameter_supported") is True
        if (issuer is None and announced) or (issuer is not None and issuer != self.issuer):
            raise SignInRefused("The answer is not of the provider that was asked. Sign in again.")

    async def verify(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an id token: signature, issuer, audience, times and nonce are checked.

        Raises:
            SignInRefused: it is not valid.
            MethodUnavailable: the keys can't be had.
        """
        try:
            claims = dict((await self._decode(id_token)).claims)
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": self.issuer},
                sub={"essential": True},
                aud={"essential": True, "value": self._client_id},
                exp={"essential": True},
                iat={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignInRefused(
                "What the provider says of you could not be verified. Sign in again; if that does"
                f" not help, tell the administrator: {type(error).__name__}."
            ) from error
        self._check_party(claims)
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise SignInRefused("The provider's answer belongs to another login. Sign in again.")
        return claims

    def _check_party(self, claims: Mapping[str, Any]) -> None:
        party = claims.get("azp")
        many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (party is None and many) or (party is not None and party != self._client_id):
            raise SignInRefused("The provider's answer is for another application.")

    async def _decode(self, id_token: str) -> Any:
        """Check the signature, with keys asked for anew where none of the known ones fits."""
        keys = await self._find_keys(renew=False)
        try:
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The token is the provider's own answer to the hub, so nobody else can cause this.
            renewed = await self._find_keys(renew=True)
            return jwt.decode(id_token, renewed, algorithms=ALGORITHMS)

    async def _find_keys(self, renew: bool) -> KeySet:
        url = (await self.metadata()).get("jwks_uri")
        async with self._lock:
            if self._keys is not None and not renew:
                return self._keys
            if not isinstance(url, str):
                raise MethodUnavailable(f"{self.issuer} tells no address of its keys.")
            self._keys = _import_keys(await self._fetch(url))
            return self._keys


def _import_keys(document: Any) -> KeySet:
    """The keys that are known here; those of newer kinds are left out."""
    keys = document.get("keys") if isinstance(document, dict) else None
    imported = []
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, dict) or key.get("use", "sig") != "sig" or key.get("kty") == "oct":
            continue
        try:
            imported += KeySet.import_key_set({"keys": [key]}).keys
        except (JoseError, ValueError, KeyError):
            continue
    if not imported:
        raise MethodUnavailable("The provider has no key that can be used.")
    return KeySet(imported)
