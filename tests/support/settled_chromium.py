#!/usr/bin/env python3
"""Starts Chromium so that it hears nothing of the machine's networks.

Containers of other tests come and go, and with each network interface that gets an address Chromium
breaks off what it is loading, from the loopback address as well (ERR_NETWORK_CHANGED). It hears of
them over netlink sockets; where it gets none, it takes the networks for settled.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# Debian's Chromium without windows. That with windows, where none is shown, takes two to three
# times the processor's time for the same pages.
CHROMIUM = "/usr/bin/chromium-headless-shell"
# The number of socket(2).
SOCKET = {"x86_64": 41, "aarch64": 198}
AF_NETLINK = 16
# prctl(2), seccomp(2).
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
# Where struct seccomp_data has the number of the call, and its first argument.
NUMBER, FIRST_ARGUMENT = 0, 16


def build_filter(number: int) -> bytes:
    """The program for the kernel: netlink sockets are refused, all else is allowed."""
    instructions = [
        (LOAD, 0, 0, NUMBER),
        (JUMP_IF_EQUAL, 0, 3, number),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (JUMP_IF_EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)


def refuse_netlink() -> None:
    """Let this process, and what it becomes and starts, have no netlink sockets."""
    program = ctypes.create_string_buffer(build_filter(SOCKET[platform.machine()]))
    # struct sock_fprog: the number of instructions of 8 bytes, and where they are.
    string_buffer = ctypes.create_string_buffer(
        struct.pack("HP", len(program) // 8, ctypes.addressof(program))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(string_buffer), 0, 0),
    ):
        if libc.prctl(*map(ctypes.c_ulong, arguments)) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    refuse_netlink()
    os.execv(CHROMIUM, [CHROMIUM, *sys.argv[1:]])
