"""Reads the hub registry's tokens, as the registry does."""

from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from rosetta_hub.keys import Keys


def read_token(token: str, keys: Keys) -> jwt.Token:
    """The token, if its signature is right; its header holds a certificate, so it is large."""
    rules = JWSRegistry(algorithms=["ES256"])
    rules.max_header_length = 4096
    return jwt.decode(token, ECKey.import_key(keys.registry_certificate.key), registry=rules)


def access_of(claims: dict[str, Any]) -> dict[str, list[str]]:
    """What a token allows, by repository."""
    return {access["name"]: access["actions"] for access in claims["access"]}
