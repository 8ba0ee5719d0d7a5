"""Id tokens and answers of a provider that lies: each check is shown to be what refuses them."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from rosetta_hub.authenticators import oidc
from rosetta_hub.authenticators.method import MethodUnavailable, SignInRefused
from rosetta_hub.authenticators.oidc import OpenIdProvider

ISSUER, CLIENT, NONCE = "https://idp.example", "hub", "nonce-of-the-login"
KEY = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "two"}, private=True)


class Provider:
    """What a provider answers; `fetched` counts."""

    def __init__(self) -> None:
        self.keys: list[Any] = [KEY]
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        self.is_down = False

    async def fetch(self, url: str) -> Any:
        if self.is_down:
            raise MethodUnavailable("no answer")
        if url.endswith("/jwks"):
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return self.metadata


@pytest.fixture
def provider() -> Provider:
    return Provider()


def client_of(provider: Provider) -> OpenIdProvider:
    return OpenIdProvider(ISSUER, CLIENT, provider.fetch)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "sub": "a1",
        "aud": CLIENT,
        "exp": now + 300,
        "iat": now,
        "nonce": NONCE,
    }
    return {key: value for key, value in {**good, **changed}.items() if value is not None}


def token(content: dict[str, Any], key: Any = KEY, algorithm: str = "RS256") -> str:
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, content, key, algorithms=[algorithm])


async def test_good_token(provider: Provider) -> None:
    assert (await client_of(provider).verify(token(claims()), NONCE))["sub"] == "a1"


DAY = 86400
LIES: dict[str, Callable[[], str]] = {
    "issuer": lambda: token(claims(iss="https://evil.example")),
    "audience": lambda: token(claims(aud="another-client")),
    "two-audiences": lambda: token(claims(aud=[CLIENT, "another-client"])),
    "party": lambda: token(claims(azp="another-client")),
    "expired": lambda: token(claims(exp=int(time.time()) - DAY)),
    "no-end": lambda: token(claims(exp=None)),
    "future": lambda: token(claims(iat=int(time.time()) + DAY)),
    "nonce": lambda: token(claims(nonce="of another login")),
    "no-nonce": lambda: token(claims(nonce=None)),
    "no-subject": lambda: token(claims(sub=None)),
    "key": lambda: token(claims(), OTHER),
    "garbage": lambda: "a.b.c",
    "none": lambda: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhMSJ9.",
    "secret": lambda: token(claims(), OctKey.import_key("a" * 64, {"kid": "one"}), "HS256"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_token_that_lies(provider: Provider, lie: str) -> None:
    with pytest.raises(SignInRefused):
        await client_of(provider).verify(LIES[lie](), NONCE)


async def test_clocks_may_differ_by_two_minutes(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = token(claims(exp=int(time.time()) - 60))
    assert await client_of(provider).verify(late, NONCE)
    monkeypatch.setattr(oidc, "LEEWAY", 0)
    with pytest.raises(SignInRefused):
        await client_of(provider).verify(late, NONCE)


async def test_rotated_keys_are_found(provider: Provider) -> None:
    client = client_of(provider)
    await client.verify(token(claims()), NONCE)
    provider.keys = [OTHER]
    assert await client.verify(token(claims(), OTHER), NONCE)
    with pytest.raises(SignInRefused):
        await client.verify(token(claims()), NONCE)


async def test_keys_of_unknown_kinds_do_not_matter(provider: Provider) -> None:
    class Strange:
        def as_dict(self, private: bool) -> dict[str, str]:
            return {"kty": "new", "kid": "x"}

    provider.keys = [Strange(), KEY]
    assert await client_of(provider).verify(token(claims()), NONCE)
    provider.keys = [Strange()]
    with pytest.raises(MethodUnavailable, match="no key"):
        await client_of(provider).verify(token(claims()), NONCE)


@pytest.mark.parametrize("issuer", [None, "https://evil.example"])
async def test_answer_names_its_issuer(provider: Provider, issuer: str | None) -> None:
    client = client_of(provider)
    await client.metadata()
    client.check_response_issuer(ISSUER)
    with pytest.raises(SignInRefused):
        client.check_response_issuer(issuer)


async def test_provider_that_does_not_announce_it_may_leave_it_out(provider: Provider) -> None:
    del provider.metadata["authorization_response_iss_parameter_supported"]
    client = client_of(provider)
    await client.metadata()
    client.check_response_issuer(None)
    with pytest.raises(SignInRefused):
        client.check_response_issuer("https://evil.example")


async def test_configuration_of_another_provider(provider: Provider) -> None:
    provider.metadata["issuer"] = "https://evil.example"
    with pytest.raises(MethodUnavailable, match="does not describe"):
        await client_of(provider).metadata()


async def test_known_configuration_goes_on_while_the_provider_is_down(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(provider)
    result = await client.metadata()
    monkeypatch.setattr(oidc, "METADATA_AGE", 0)
    provider.is_down = True
    assert await client.metadata() == result
    with pytest.raises(MethodUnavailable):
        await client_of(provider).metadata()
