"""Namespaces and mounts by system calls, for children that are about to execute a program."""

import ctypes
import os

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_LIBC = ctypes.CDLL(None, use_errno=True)


def new_network() -> None:
    """Enter a new network namespace, which has nothing."""
    _check(_LIBC.unshare(_CLONE_NEWNET), "unshare")


def enter_network(pid: int) -> None:
    """Enter the network namespace of a process."""
    descriptor = os.open("/proc/{}/ns/net".format(pid), os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_LIBC.setns(descriptor, _CLONE_NEWNET), "setns")
    finally:
        os.close(descriptor)


def new_mounts() -> None:
    """Enter a new mount namespace: what is mounted from now on is seen here alone."""
    _check(_LIBC.unshare(_CLONE_NEWNS), "unshare")
    _mount(b"none", b"/", _MS_REC | _MS_PRIVATE)


def bind(source: str, target: str) -> None:
    """Show a file in the place of another one."""
    _mount(os.fsencode(source), os.fsencode(target), _MS_BIND)


def _mount(source: bytes, target: bytes, flags: int) -> None:
    _check(_LIBC.mount(source, target, None, flags, None), "mount")


def _check(result: int, name: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, "{}: {}".format(name, os.strerror(number)))
