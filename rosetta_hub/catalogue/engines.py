"""Names of container engines."""

# Apptainer is the present name of Singularity; both are accepted and mean the same.
_ALIASES = {"apptainer": "singularity"}


def canonical_engine(name: str) -> str:
    """The engine's name as the agent knows it; a name of no engine stays what it is."""
    return _ALIASES.get(name.lower(), name.lower())
