"""Which addresses the service connects to for users."""

import socket

import pytest

from rosetta_hub.addresses import AddressGuard, GuardedResolver, RequestFailed

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fec0::1",
    "64:ff9b:1::7f00:1",
    "::7f00:1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address: str) -> None:
    assert not AddressGuard().permits(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::808:808"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert AddressGuard().permits(address)


def test_networks_of_the_configuration_are_permitted() -> None:
    guard = AddressGuard(["10.1.0.0/16", "fd00::/8"])
    assert guard.permits("10.1.2.3")
    assert guard.permits("::ffff:10.1.2.3")
    assert guard.permits("fd00::1")
    assert not guard.permits("10.2.0.1")


async def test_a_name_is_resolved_to_permitted_addresses_alone() -> None:
    resolver = GuardedResolver(guard=AddressGuard(["127.0.0.0/8"]))
    result = await resolver.resolve("127.0.0.1", 443)
    assert result == [(socket.AF_INET, ("127.0.0.1", 443))]
    closed = GuardedResolver(guard=AddressGuard())
    for host in ("127.0.0.1", "localhost", "0x7f.1", "2130706433", "nothing.invalid"):
        with pytest.raises(RequestFailed):
            await closed.resolve(host, 443)
