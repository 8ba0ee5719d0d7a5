"""SSH: the only part that knows asyncssh.

A `Pool` keeps one connection an identity of a computing resource; commands and tunnels share it.
"""

from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.errors import SshError

__all__ = ["Endpoint", "JumpHost", "SshError"]
