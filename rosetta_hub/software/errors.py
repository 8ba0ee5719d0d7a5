"""Errors of users' software."""

from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.errors import ChangedMeanwhile


class VersionChanged(ChangedMeanwhile):
    """Somebody else has changed a version since it was read; `row` is the present one.

    What the second editor wanted is not lost: it is not stored, and the answer has both.
    """

    def __init__(self, row: UserSoftware) -> None:
        name, when = row.entry["name"], f"{row.updated:%Y-%m-%d %H:%M} UTC"
        super().__init__(
            f"{name} was changed by {row.updated_by} meanwhile ({when}). Look at the present"
            " version, and save again what you still want."
        )
        self.row = row
