"""Errors that the hub shows to the user."""

from tornado import web

from rosetta_hub.errors import UserError


class StartRefused(web.HTTPError):
    """A start that can't be: the hub's pages and its REST API show the message.

    `jupyterhub_message` is what JupyterHub looks for on an exception (its documentation on
    writing a spawner). An HTTPError, so that the hub logs a line instead of a traceback.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.jupyterhub_message = message

    @classmethod
    def because(cls, error: UserError) -> "StartRefused":
        """From an error of the catalogue's own check."""
        return cls(error.status, str(error))
