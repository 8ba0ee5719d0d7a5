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
    for value in (*combinations(HELD, 1), *combinations(HELD, 2)):
        principal = Principal("bob", frozenset(), False, frozenset(value))
        for scope, user, server in WANTED:
            text = f"{scope}!server={user}/{server}"
            result = bool(check_scopes([text], set(value)))
            assert principal.may(scope, user, server) == result, (value, text)
            result = bool(check_scopes([f"{scope}!user={user}"], set(value)))
            assert principal.may_all(scope, user) == result, (value, scope, user)
            checked += result
    assert checked > 10
