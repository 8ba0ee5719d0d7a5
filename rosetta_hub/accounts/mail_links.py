"""The addresses of links in mails: of the configured hub, whatever a request says of its host."""

from urllib.parse import urlencode

# Seconds that the cookie keeps a link's token, in which its page is used.
COOKIE_SECONDS = 3600


class MailLinks:
    """Addresses of the pages of local accounts."""

    def __init__(self, hub_url: str) -> None:
        self._hub = f"{hub_url.rstrip('/')}/hub/"

    @property
    def login(self) -> str:
        """The login page."""
        return f"{self._hub}login"

    @property
    def accounts(self) -> str:
        """Where administrators see who waits."""
        return f"{self._hub.removesuffix('hub/')}services/rosetta/admin#accounts"

    @property
    def forgotten(self) -> str:
        """Where a new password is asked for."""
        return f"{self._hub}password/reset"

    def new_password(self, token: str) -> str:
        """Where a one-time token sets a password."""
        return f"{self._hub}password/new?{urlencode({'token': token})}"

    def confirm(self, token: str) -> str:
        """Where a sign-up goes on."""
        return f"{self._hub}sign-up/confirm?{urlencode({'token': token})}"

    def invitation(self, token: str) -> str:
        """Where an invitation is accepted."""
        return f"{self._hub}sign-up?{urlencode({'token': token})}"
