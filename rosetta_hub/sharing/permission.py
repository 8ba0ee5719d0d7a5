"""Who may share which tasks."""

from collections.abc import Collection

from rosetta_hub.database.models import Task
from rosetta_hub.errors import NotAllowed, NotFound
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.tasks.queries import ABSENT


class SharePermission:
    """The site's rule, `c.Rosetta.sharing`, together with the hub's rights on the server."""

    def __init__(self, sharing: bool | Collection[str]) -> None:
        self.enabled = bool(sharing)
        self._groups = None if isinstance(sharing, bool) else frozenset(sharing)

    def may_share(self, principal: Principal, task: Task) -> bool:
        """Whether the principal may let others in."""
        return self._is_chosen(principal) and self.may_end(principal, task)

    def may_end(self, principal: Principal, task: Task) -> bool:
        """Whether the principal may end shares and see them.

        The hub's own scope for it counts, besides the owner and the hub's admins, as far as their
        tokens may do everything with the server. A guest never may.
        """
        if not self.enabled:
            return False
        if principal.may("shares", task.user, task.server_name):
            return True
        near = principal.admin or principal.name == task.user
        return near and principal.may("servers", task.user, task.server_name)

    def check_share(self, principal: Principal, task: Task) -> None:
        """Refuse who may not let others in.

        Raises:
            NotFound: see `check_end`.
            NotAllowed: the site lets others share alone.
        """
        self.check_end(principal, task)
        if not self._is_chosen(principal):
            raise NotAllowed("You may not share tasks here. Ask the administrator for it.")

    def check_end(self, principal: Principal, task: Task) -> None:
        """Refuse who may neither see shares nor end them.

        Raises:
            NotAllowed: sharing is off, or the task is somebody else's.
            NotFound: the principal does not even see the task.
        """
        if not principal.sees(task.user, task.server_name):
            raise NotFound(ABSENT)
        if not self.enabled:
            raise NotAllowed("Sharing is switched off here.")
        if not self.may_end(principal, task):
            raise NotAllowed(
                f"Only {task.user} and administrators share this task, with a token of the scope"
                " 'servers' or 'shares' for it."
            )

    def _is_chosen(self, principal: Principal) -> bool:
        groups = self._groups
        return groups is None or principal.admin or not groups.isdisjoint(principal.groups)
