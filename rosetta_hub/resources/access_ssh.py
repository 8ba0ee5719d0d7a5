"""Access mode `ssh`: commands run over the connection that the tunnels' process holds."""

from collections.abc import Sequence

from rosetta_hub.access import Completed
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.tunnels.client import TunnelsClient, TunnelsError, TunnelsUnavailable


class SshAccess:
    """Runs argv lists as one identity of a resource."""

    def __init__(self, client: TunnelsClient, endpoint: Endpoint) -> None:
        self._client = client
        self._endpoint = endpoint

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """Run a command to its end, within `timeout` seconds.

        Raises:
            HostKeyProblem: the host key is not the pinned one; the message is the administrator's.
            AuthenticationFailed: the key is not accepted; the message says what its owner does.
            ResourceUnavailable: it is not known whether it ran, or how it ended.
        """
        try:
            return await self._client.run(self._endpoint, argv, stdin, timeout)
        except (TunnelsUnavailable, TunnelsError) as error:
            raise ResourceUnavailable(f"{argv[0]} could not be run: {error}") from error
