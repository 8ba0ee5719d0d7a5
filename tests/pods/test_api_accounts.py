"""When tunnels are told that the account at their API server is another one."""

from dataclasses import replace

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ingress.api_accounts import ApiAccounts
from rosetta_hub.kubernetes.api_server import ApiServer

SERVER = ApiServer("https://192.0.2.1", "ca", token="first")


class File:
    """A kubeconfig, whose content a test replaces."""

    server: ApiServer | None = SERVER

    def read(self) -> ApiServer:
        if self.server is None:
            raise ResourceUnavailable("The kubeconfig can't be used.")
        return self.server


def test_an_account_that_stays_is_no_change() -> None:
    accounts = ApiAccounts({"cloud": File().read})
    assert [accounts.have_changed() for _ in range(3)] == [False, False, False]


def test_a_new_token_is_told_once() -> None:
    first, second = File(), File()
    accounts = ApiAccounts({"first": first.read, "second": second.read})
    accounts.have_changed()
    first.server = replace(SERVER, token="second")
    second.server = replace(SERVER, ca="another one")
    assert [accounts.have_changed() for _ in range(2)] == [True, False]


def test_a_file_that_is_being_written_is_read_again() -> None:
    file = File()
    accounts = ApiAccounts({"cloud": file.read})
    accounts.have_changed()
    file.server = None
    assert not accounts.have_changed()
    file.server = replace(SERVER, token="second")
    assert accounts.have_changed()
