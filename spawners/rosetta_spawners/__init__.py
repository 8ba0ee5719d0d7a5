"""The spawner family of Rosetta Hub.

RosettaSpawner     what the hub knows: chooses for each start who does the work
├── TaskSpawner    a container: asks the service, which decides everything
└── any other      the spawner class of a native entry of the catalogue
"""

from rosetta_spawners.rosetta import RosettaSpawner
from rosetta_spawners.task import TaskSpawner

__all__ = ["RosettaSpawner", "TaskSpawner"]
