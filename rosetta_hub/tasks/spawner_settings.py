"""What configuration and hooks of the hub's spawner add to a task: variables, and lower limits.

The variables may be secrets, such as tokens of the login. In the database they are encrypted, and
they are dropped with the end of the attempt.
"""

import json
from dataclasses import replace
from typing import Annotated, TypeVar

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.catalogue.validation import VARIABLE_PATTERN
from rosetta_hub.errors import ResourceUnavailable

Amount = TypeVar("Amount", int, float)
Name = Annotated[str, StringConstraints(pattern=VARIABLE_PATTERN, max_length=256)]
Value = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class SpawnerSettings(BaseModel):
    """Environment variables, and limits in cores and bytes; None: no limit."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    environment: dict[Name, Value] = Field(default={}, repr=False)
    cpus: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    memory: int | None = Field(default=None, gt=0, lt=1 << 63)

    def lower(self, spec: TaskSpec) -> TaskSpec:
        """The task with limits that are no higher than these."""
        return replace(
            spec, cpus=_lower(spec.cpus, self.cpus), memory=_lower(spec.memory, self.memory)
        )

    def encrypt_environment(self, fernet: Fernet) -> bytes | None:
        """The variables for the database; None where there are none."""
        return fernet.encrypt(json.dumps(self.environment).encode()) if self.environment else None


NO_SETTINGS = SpawnerSettings()


def decrypt_environment(encrypted: bytes | None, fernet: Fernet) -> dict[str, str]:
    """The variables of a task.

    Raises:
        ResourceUnavailable: they were encrypted with another secret.
    """
    if encrypted is None:
        return {}
    try:
        environment: dict[str, str] = json.loads(fernet.decrypt(encrypted))
    except InvalidToken as exc:
        raise ResourceUnavailable(
            "The variables of this task were encrypted with another secret. Stop the task, and"
            " start it again."
        ) from exc
    return environment


def _lower(amount: Amount | None, limit: Amount | None) -> Amount | None:
    amounts = [value for value in (amount, limit) if value is not None]
    return min(amounts, default=None)
