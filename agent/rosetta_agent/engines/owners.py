"""Whose a container is: agents in batch jobs are killed, and never replaced.

Their containers carry the agent's process in a label, so that a later agent of the same user
knows for sure that nobody looks after them any more.
"""

import re
from typing import Dict, List, Sequence, Tuple

from rosetta_agent.engines.docker_cli import Client
from rosetta_agent.processes import ProcessId

USER_LABEL, AGENT_LABEL = "rosetta.user", "rosetta.agent"
_OWNER = re.compile(r"([0-9a-f]+) ([0-9]+)-([0-9]+)\s*\Z")


def build_owned_command(client: Client, user: int) -> List[str]:
    """List the containers that agents of this user have started in batch jobs."""
    label = "label={}={}".format(USER_LABEL, user)
    return client.argv + ["ps", "--all", "--no-trunc", "--filter", label, "--format", "{{.ID}}"]


def build_owners_command(client: Client, containers: Sequence[str]) -> List[str]:
    """Ask which agent each of them belongs to."""
    form = '{{.Id}} {{index .Config.Labels "' + AGENT_LABEL + '"}}'
    return client.argv + ["container", "inspect", "--format", form] + list(containers)


def build_owner_options(user: int, agent: ProcessId) -> Tuple[str, ...]:
    """Labels that say whose a container is: that of an agent in a batch job."""
    return (
        *("--label", "{}={}".format(USER_LABEL, user)),
        *("--label", "{}={}-{}".format(AGENT_LABEL, agent.pid, agent.started)),
    )


def parse_owners(text: str) -> Dict[str, ProcessId]:
    """Read the answer to build_owners_command: agents by container."""
    pairs = (_OWNER.match(line) for line in text.splitlines())
    return {
        pair.group(1): ProcessId(int(pair.group(2)), int(pair.group(3))) for pair in pairs if pair
    }
