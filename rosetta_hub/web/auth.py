"""The service's login at the hub."""

import os

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.config import SERVICE_NAME, SERVICE_SCOPE, Rosetta
from rosetta_hub.keys import Keys


def build_hub_auth(settings: Rosetta, keys: Keys) -> HubOAuth:
    """The hub's OAuth for this service; one that the hub starts is told the hub's address by it."""
    api_url = os.environ.get("JUPYTERHUB_API_URL") or settings.hub_api_url
    return HubOAuth(
        api_token=keys.service_token,
        api_url=api_url,
        hub_prefix=settings.service_prefix.removesuffix(f"services/{SERVICE_NAME}/") + "hub/",
        allow_token_in_url=False,
        base_url=settings.service_prefix,
        oauth_client_id=f"service-{SERVICE_NAME}",
        # Not what the environment says: the hub knows its process as a service without an address.
        oauth_redirect_uri=f"{settings.service_prefix}oauth_callback",
        access_scopes={SERVICE_SCOPE},
        # Seconds. Scopes of a browser are asked anew after it: a lost share is noticed soon.
        cache_max_age=30,
    )
