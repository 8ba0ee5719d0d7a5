"""Names of container engines."""

from rosetta_agent.protocol import ENGINES as AGENT_ENGINES

# The engine of Kubernetes' nodes, whichever it is: nobody but the cluster talks to it.
INTERNAL = "internal"
ENGINES = (*AGENT_ENGINES, INTERNAL)

# Apptainer is the present name of Singularity; both are accepted and mean the same.
_ALIASES = {"apptainer": "singularity"}


def canonical_engine(name: str) -> str:
    """The engine's name as the agent knows it; a name of no engine stays what it is."""
    return _ALIASES.get(name.lower(), name.lower())
