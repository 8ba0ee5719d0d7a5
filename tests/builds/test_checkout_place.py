"""Where repositories are fetched to."""

import os
from pathlib import Path

import pytest

from rosetta_hub.builds.checkout_place import make_checkout_place
from rosetta_hub.builds.confined import Confinement, find_account, run_confined
from rosetta_hub.errors import ConfigError


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory as the service makes it."""
    tmp_path.chmod(0o711)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (tmp_path / "shared").mkdir()
    return state


async def test_the_account_that_fetches_gets_there(state: Path) -> None:
    place = make_checkout_place(state, state.parent / "shared")
    folder = place / "checkout"
    folder.mkdir()
    account = find_account("nobody")
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    command = ["/bin/sh", "-c", f"cd / && touch {folder}/new && ! ls {place}"]
    finished = await run_confined(command, Confinement(account, 10), folder=folder, environment={})
    can_list = os.geteuid() != 0
    assert finished.code == int(can_list), finished.errors
    assert (folder / "new").exists()


def test_each_state_directory_has_one_of_its_own(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    other = state.parent / "other"
    other.mkdir()
    shared = state.parent / "shared"
    places = {make_checkout_place(path, shared) for path in (state, other, state)}
    assert len(places) == 2
    assert {place.parent for place in places} == {shared}


@pytest.mark.parametrize("uid", [0, 1000])
def test_what_an_earlier_service_has_left_is_removed(
    state: Path, monkeypatch: pytest.MonkeyPatch, uid: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    shared = state.parent / "shared"
    (make_checkout_place(state, shared) / "old").mkdir()
    place = make_checkout_place(state, shared)
    assert list(place.iterdir()) == []
    assert place.is_relative_to(state) == (uid != 0)


def test_a_link_of_somebody_else_is_not_followed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    shared, target = state.parent / "shared", state.parent / "target"
    place = make_checkout_place(state, shared)
    place.rmdir()
    (target / "kept").mkdir(parents=True)
    place.symlink_to(target)
    with pytest.raises(ConfigError, match="Remove what is in its way"):
        make_checkout_place(state, shared)
    assert (target / "kept").exists()
