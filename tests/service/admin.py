"""An administrator, for the tests of what only administrators may."""

from .test_api import ACCESS, Site

ROOT = "root"


def add_root(site: Site) -> None:
    """Let the hub know an administrator, whose token is the name."""
    verbs = ("access:servers", "servers", "read:servers", "delete:servers")
    site.hub.scopes[ROOT] = [ACCESS, *verbs]
    site.hub.admins.add(ROOT)


def narrow(site: Site, *scopes: str) -> str:
    """A token of the administrator that holds these scopes alone."""
    site.hub.scopes["narrow"] = [ACCESS, *scopes]
    site.hub.admins.add("narrow")
    site.hub.owners["narrow"] = ROOT
    return "narrow"
