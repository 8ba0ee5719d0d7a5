"""GitHub tells which addresses are verified at an address of its own."""

from collections.abc import Mapping
from typing import Any

from rosetta_hub.authenticators.oauth import OAuthMethod
from rosetta_hub.mail_addresses import is_address

# Either lets the addresses be read ("Scopes for OAuth apps" of GitHub's documentation).
_MAIL_SCOPES = frozenset({"user", "user:email"})


class GitHubMethod(OAuthMethod):
    """The address of a profile proves nothing: it is what its owner writes there."""

    async def find_email(
        self, state: Mapping[str, Any], user_info: Mapping[str, Any]
    ) -> tuple[str | None, bool]:
        """The primary address, if it is verified; asked for where the method's mails count.

        It needs the scope `user:email`. GET /user/emails of GitHub's REST API.
        """
        profile, _ = await super().find_email(state, user_info)
        if not self.trusts_email or not _MAIL_SCOPES & granted_scopes(state):
            return profile, False
        response = state["token_response"]
        listed = await self.child.httpfetch(
            f"{self.child.github_api}/user/emails",
            "fetching user emails",
            method="GET",
            headers=self.child.build_userdata_request_headers(
                response["access_token"], response["token_type"]
            ),
            validate_cert=self.child.validate_server_cert,
        )
        for entry in listed if isinstance(listed, list) else []:
            if entry.get("primary") is True and is_address(str(entry.get("email"))):
                return str(entry["email"]), entry.get("verified") is True
        return profile, False


def granted_scopes(state: Mapping[str, Any]) -> frozenset[str]:
    """The scopes that were granted: GitHub separates them by commas, oauthenticator by spaces."""
    return frozenset(scope for text in state.get("scope", ()) for scope in text.split(","))
