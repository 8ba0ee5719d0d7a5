"""What a token's scopes allow on tasks: the same as JupyterHub itself says."""

from itertools import combinations

from jupyterhub.services.auth import check_scopes

from rosetta_hub.tasks.principal import Principal

HELD = [
    f"{scope}{limit}"
    for scope in ("servers", "read:servers")
    for limit in ("", "!user=alice", "!server=alice/x", "!server=alice/", "!user=alice/x")
]
WANTED = [
    (scope, user, server)
    for scope in ("servers", "read:servers", "delete:servers")
    for user in ("alice", "alic", "bob")
    for server in ("x", "", "x/y")
]


def test_scopes_allow_what_the_hub_says() -> None:
    checked = 0
    for held in (*combinations(HELD, 1), *combinations(HELD, 2)):
        principal = Principal("bob", frozenset(), False, frozenset(held))
        for scope, user, server in WANTED:
            wanted = f"{scope}!server={user}/{server}"
            said = bool(check_scopes([wanted], set(held)))
            assert principal.may(scope, user, server) == said, (held, wanted)
            said = bool(check_scopes([f"{scope}!user={user}"], set(held)))
            assert principal.may_all(scope, user) == said, (held, scope, user)
            checked += said
    assert checked > 10
