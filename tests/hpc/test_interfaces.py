"""Further interfaces of tasks on nodes: over SSH through the login node, and dialled."""

import pytest

from tests.e2e.deployment import User

from .hub import Hub, check_works
from .steps import running, shows

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(240)]


@pytest.mark.parametrize("computing", ["cluster", "dialling"])
async def test_board_beside_the_main_interface(
    hub: Hub, alice: User, bob: User, computing: str
) -> None:
    task = await running(alice, software="board", computing=computing)
    assert [(interface["name"], interface["ready"]) for interface in task["interfaces"]] == [
        ("Board", False)
    ]
    await check_works(alice, task)
    main = await alice.enter(task)
    assert b"going" in (await main.get("/cgi-bin/go")).body
    await shows(alice, task, lambda view: view["interfaces"][0]["ready"])
    board = await alice.enter(task, "Board")
    assert board.url != main.url
    assert (await board.get()).body == b"the board\n"
    assert (await main.get()).body == b"hello\n"
    # A cookie of one interface opens no other, and bob's login none at all.
    stranger = {"Cookie": main.cookie, "Sec-Fetch-Site": "same-origin"}
    assert (await hub.deployment.fetch("GET", board.url, headers=stranger)).code == 403
    path = f"/services/rosetta/open/{task['id']}?interface=Board"
    assert (await hub.deployment.fetch("GET", path, bob.token)).code == 404
