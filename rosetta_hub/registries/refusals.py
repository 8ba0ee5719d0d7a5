"""What a registry's refusal means, in a message that says what to do."""

from datetime import UTC, datetime
from typing import Protocol

from rosetta_hub.registries.challenges import parse_limit_end
from rosetta_hub.registries.connection import RegistryAnswer
from rosetta_hub.registries.errors import RegistryRefused, RegistryUnavailable
from rosetta_hub.registries.references import Reference


class Login(Protocol):
    """Account and password (or token) at a registry."""

    @property
    def account(self) -> str:
        """The account."""

    @property
    def password(self) -> str:
        """The password."""


def check_answer(answer: RegistryAnswer, reference: Reference, login: Login | None) -> None:
    """Refuse what is no answer to the question.

    Raises:
        RegistryRefused: the registry says no, or is none.
        RegistryUnavailable: it has an error of its own.
    """
    host, status = reference.host, answer.status
    if status == 429:
        raise _pull_limit(answer, host)
    if status >= 500:
        raise RegistryUnavailable(f"{host} answers {status}. Try again later.")
    is_registry = "Docker-Distribution-Api-Version" in answer.headers
    if answer.is_html and not is_registry and status in (200, 404):
        raise not_a_registry(host)
    if status == 401:
        raise login_needed(host) if login is None else _not_for(reference, login)
    if status == 403:
        raise RegistryRefused("denied", f"{host} does not give {reference.repository} to you.")
    if status == 404:
        raise _not_found(reference)
    if status != 200:
        raise RegistryRefused("invalid_answer", f"{host} answers {status}, which is no answer.")


def _pull_limit(answer: RegistryAnswer, host: str) -> RegistryRefused:
    until = parse_limit_end(answer.headers, datetime.now(UTC))
    when = f"until {until:%d %B %H:%M} UTC" if until else "for some hours, which it does not tell"
    return RegistryRefused(
        "pull_limit",
        f"{host} allows no more requests {when}. An account there may have a higher limit.",
        until,
    )


def _not_found(reference: Reference) -> RegistryRefused:
    what = f"version {reference.target}" if not reference.digest else f"digest {reference.digest}"
    return RegistryRefused(
        "not_found",
        f"{reference.host} has no image {reference.repository} with the {what}, or it is private.",
    )


def _not_for(reference: Reference, login: Login) -> RegistryRefused:
    return RegistryRefused(
        "denied",
        f"{reference.host} has no image {reference.repository}, or the account"
        f" {login.account} may not pull it.",
    )


def not_a_registry(host: str) -> RegistryRefused:
    """The host is something else, such as a web site."""
    return RegistryRefused(
        "not_a_registry", f"{host} answers with a web page: it is not a registry of images."
    )


def login_needed(host: str) -> RegistryRefused:
    """Nobody is let in without a login, or the image does not exist."""
    return RegistryRefused(
        "login_needed",
        f"{host} wants a login for this image, or has no such image. Add your account there in the"
        " settings, or check the name.",
    )


def login_refused(host: str) -> RegistryRefused:
    """Account and password are not accepted."""
    return RegistryRefused(
        "login_refused", f"{host} does not accept the account or its password. Check both."
    )


def wrong_digest(reference: Reference) -> RegistryRefused:
    """Another digest was asked for."""
    return RegistryRefused(
        "wrong_content", f"{reference.host} answers with another image than {reference.digest}."
    )
