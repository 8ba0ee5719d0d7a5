"""Mail addresses: which ones are taken, and that of a user who has given none."""

import re

from rosetta_hub.errors import InvalidOptions

# As browsers check <input type=email> (HTML, 4.10.5.1.5): ASCII, no comments, no quotes, and so
# nothing that means anything in a header or in an SMTP command.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
# RFC 5321, 4.5.3.1.
MAX_LENGTH = 254
_MAX_LOCAL_LENGTH = 64


def is_address(text: str) -> bool:
    """Whether the text is a mail address, and nothing else."""
    local = text.partition("@")[0]
    return (
        len(text) <= MAX_LENGTH
        and len(local) <= _MAX_LOCAL_LENGTH
        and _ADDRESS.fullmatch(text) is not None
    )


def check_address(text: str) -> str:
    """The address without spaces around it.

    Raises:
        InvalidOptions: it is none.
    """
    address = text.strip()
    if not is_address(address):
        raise InvalidOptions(f"{text[:80]!r} is not a mail address such as alice@example.org.")
    return address


def check_domains(domains: tuple[str, ...]) -> tuple[str, ...]:
    """Domains of mail addresses, in lower case; for pydantic, which makes a message of the error.

    Raises:
        ValueError: one of them is none.
    """
    for domain in domains:
        if not is_address(f"user@{domain}"):
            raise ValueError(f"{domain!r} is not a domain such as 'example.org'")
    return tuple(domain.lower() for domain in domains)


def default_address(user: str, domain: str) -> str | None:
    """`user@domain`, or None where no domain is set or the user's name is no part of an address."""
    address = f"{user}@{domain}"
    return address if domain and is_address(address) else None
