"""A hub with Rosetta Hub's own authenticator, and browsers that sign in there."""

from typing import Any

import httpx

from tests.spawners.hub import Hub, http_client
from tests.support.github import CLIENT_ID, CLIENT_SECRET
from tests.support.oidc_provider import Provider

CONFIG = """
import gc, json
from pathlib import Path
import rosetta_hub
gc.freeze()  # as in tests/spawners/hub.py

test = json.loads(Path(__file__).with_name("test.json").read_text())
c.JupyterHub.bind_url = f"http://127.0.0.1:{test['port']}"
c.JupyterHub.hub_port = test["hub_port"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{test['proxy_port']}"
c.ConfigurableHTTPProxy.command = [test["proxy"]]
c.JupyterHub.services = [{"name": "test", "api_token": test["token"]}]
c.JupyterHub.load_roles = [{
    "name": "test", "services": ["test"],
    "scopes": ["admin:users", "admin:servers", "admin:groups", "groups", "read:hub", "tokens"],
}]
c.Rosetta.hub_url = f"http://127.0.0.1:{test['port']}"
c.Rosetta.tasks_url = "http://localhost"
c.Rosetta.service_url = test["service_url"]
c.Rosetta.state_dir = "state"
c.Rosetta.smtp_host = "127.0.0.1"
c.Rosetta.mail_from = "hub@example.org"
c.JupyterHub.spawner_class = "simple"
c.Spawner.start_timeout = 8
c.JupyterHub.authenticator_class = "rosetta"
c.RosettaAuthenticator.auth_refresh_age = 1
c.RosettaAuthenticator.refresh_grace = test["grace"]
c.RosettaAuthenticator.methods = test["methods"]
c.RosettaAuthenticator.local_accounts = {"sign_up": "email"}
rosetta_hub.setup(c, __file__, manage_service=False)
"""


def method(hub_url: str, provider: Provider, name: str, **more: Any) -> dict[str, Any]:
    """An entry of the configuration, known to the provider."""
    client_id = f"{name}-{hub_url.rpartition(':')[2]}"
    provider.register(client_id, f"{hub_url}/hub/{name}/oauth_callback")
    config = {
        "client_id": client_id,
        "client_secret": "secret-of-the-client",
        "scope": ["openid", "profile", "email"],
        "username_claim": "preferred_username",
        **more.pop("config", {"allow_all": True}),
    }
    return {
        "id": name,
        "title": f"The {name}",
        "authenticator_class": "generic-oauth",
        "issuer": provider.issuer,
        "config": config,
        **more,
    }


def github_method(url: str) -> dict[str, Any]:
    """The entry of the configuration for GitHub at another address, as of GitHub Enterprise."""
    config = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "github_url": url,
        "scope": ["read:org", "user:email"],
        "allowed_organizations": ["lab"],
    }
    return {
        "id": "github",
        "title": "GitHub",
        "authenticator_class": "github",
        "trusts_email": True,
        "email_domains": ["example.org"],
        "config": config,
    }


class Browser:
    """Somebody in front of a browser."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.client = http_client(base_url=hub.url)

    async def sign_in(self, provider: Provider, name: str, account: str) -> httpx.Response:
        """With a provider."""
        url = f"/hub/{name}/oauth_login?next=%2Fhub%2Fhome"
        return await provider.sign_in(self.client, url, account)

    async def whoami(self) -> str | None:
        """The user who is logged in."""
        page = await self.client.get("/hub/home", follow_redirects=False)
        if page.status_code != 200:
            return None
        headers = {"X-XSRFToken": await self.xsrf()}
        answer = await self.client.get("/hub/api/user", headers=headers)
        return str(answer.json()["name"]) if answer.status_code == 200 else None

    async def token(self, user: str, **body: Any) -> str:
        """A new API token of the user."""
        answer = await self.hub.api("POST", f"/users/{user}/tokens", body)
        return str(answer.json()["token"])

    async def status(self, token: str) -> int:
        """What the hub's API answers to a token."""
        headers = {"Authorization": f"token {token}"}
        async with http_client(headers=headers) as client:
            return (await client.get(f"{self.hub.url}/hub/api/user")).status_code

    async def xsrf(self) -> str:
        """The token against forgery for forms of the hub."""
        values = [cookie for cookie in self.client.cookies.jar if cookie.name == "_xsrf"]
        return str(next(item.value for item in values if item.path == "/hub/"))

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form of the hub."""
        data = {"_xsrf": await self.xsrf(), **fields}
        return await self.client.post(path, data=data, follow_redirects=False)
