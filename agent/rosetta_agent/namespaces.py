"""Linux namespaces without any program: unshare(2), setns(2), loopback up, own addresses.

Python has setns only since 3.12; the calls are made through ctypes. A process must have a
single thread to enter or make a user namespace, so this is for our helper processes.
"""

import ctypes
import fcntl
import os
import socket
import struct
from typing import List

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NS_GET_USERNS = 0xB701  # ioctl_ns(2)
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCGIFADDR = 0x8915
_IFF_UP = 0x1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> None:
    if getattr(_LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "{}: {}".format(name, os.strerror(number)))


def enter_network(pid: int) -> None:
    """Enter the network namespace of a process, through the user namespace that owns it.

    The owner is not always the one that the process is in: Apptainer nests another.

    Raises:
        OSError: the process is gone, or entering is not permitted.
    """
    net = os.open("/proc/{}/ns/net".format(pid), os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(net, _NS_GET_USERNS)
    try:
        # Entering the user namespace that one is in already is an error (setns(2)).
        if not os.path.samestat(os.fstat(owner), os.stat("/proc/self/ns/user")):
            _call("setns", owner, _CLONE_NEWUSER)
        _call("setns", net, _CLONE_NEWNET)
    finally:
        os.close(net)
        os.close(owner)


def is_own_network(pid: int) -> bool:
    """Whether a process is in our network namespace; also where the kernel does not tell us."""
    try:
        return os.path.samestat(
            os.stat("/proc/{}/ns/net".format(pid)), os.stat("/proc/self/ns/net")
        )
    except OSError:
        return True


def has_address(pid: int, address: str) -> bool:
    """Whether an interface in the network namespace of a process has this address.

    A runtime with a network stack of its own takes the address away from the kernel's. Asked
    in a child: nobody can come back from a namespace.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            enter_network(pid)
            status = 0 if address in own_addresses() else 1
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def make_network(as_root: bool = False) -> None:
    """Leave for a user and a network namespace of our own, as the same user, loopback up.

    With ``as_root`` we are root there, and files that root makes are still ours.

    Raises:
        OSError: the machine does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNET)
    _write("/proc/self/setgroups", "deny")  # required before gid_map (user_namespaces(7))
    _write("/proc/self/uid_map", "{} {} 1".format(0 if as_root else user, user))
    _write("/proc/self/gid_map", "{} {} 1".format(0 if as_root else group, group))
    loopback_up()


def loopback_up() -> None:
    """Bring up the loopback of the present network namespace (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def own_addresses() -> List[str]:
    """IPv4 addresses of the present network namespace, loopback left out."""
    addresses = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for _index, name in socket.if_nameindex():
            request = struct.pack("16sh14x", name.encode(), 0)
            try:
                answer = fcntl.ioctl(control, _SIOCGIFADDR, request)
            except OSError:
                continue  # an interface without an address
            address = socket.inet_ntoa(answer[20:24])
            if not address.startswith("127."):
                addresses.append(address)
    return addresses


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
