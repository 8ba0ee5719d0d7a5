"""What a registry asks for: a login, or patience."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlencode

_PARAMETER = re.compile(r'([A-Za-z_-]+)="([^"]*)"')
_BEARER = re.compile(r"(?:^|,)\s*Bearer\s+(.*)", re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r"(?:^|,)\s*Basic\b", re.IGNORECASE)
# A limit of pulls that lasts longer is not believed.
_LONGEST_WAIT = timedelta(days=8)


@dataclass(frozen=True)
class Challenge:
    """How a registry wants to be asked: with a token of `realm`, or with account and password."""

    kind: Literal["bearer", "basic"]
    realm: str = ""
    service: str = ""
    scope: str = ""

    def token_url(self, scope: str) -> str:
        """Where the token is fetched, for the registry's own scope or, without one, for `scope`."""
        query = {"service": self.service, "scope": self.scope or scope}
        separator = "&" if "?" in self.realm else "?"
        return f"{self.realm}{separator}{urlencode({k: v for k, v in query.items() if v})}"


def parse_challenge(headers: Sequence[str]) -> Challenge | None:
    """The challenge of `WWW-Authenticate` headers (RFC 9110, 11.6.1); a token is preferred.

    None where there is none that is known here.
    """
    for header in headers:
        if match := _BEARER.search(header):
            parameters = {key.lower(): value for key, value in _PARAMETER.findall(match[1])}
            if parameters.get("realm"):
                return Challenge(
                    "bearer",
                    parameters["realm"],
                    parameters.get("service", ""),
                    parameters.get("scope", ""),
                )
    if any(_BASIC.search(header) for header in headers):
        return Challenge("basic")
    return None


def parse_limit_end(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When a limit of pulls ends: by `Retry-After` (seconds or a date), or a reset as a Unix time.

    None where the registry does not say it, or says what can't be.
    """
    for name in ("Retry-After", "X-Retry-After", "X-RateLimit-Reset", "RateLimit-Reset"):
        until = _parse_time(headers.get(name, "").strip(), now)
        if until is not None and now <= until <= now + _LONGEST_WAIT:
            return until
    return None


def _parse_time(text: str, now: datetime) -> datetime | None:
    if text.isdecimal() and len(text) <= 12:
        seconds = int(text)
        # A Unix time is a number of seconds that nobody would have to wait.
        is_time = seconds > _LONGEST_WAIT.total_seconds()
        return datetime.fromtimestamp(seconds, UTC) if is_time else now + timedelta(seconds=seconds)
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
