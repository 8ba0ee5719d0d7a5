"""Errors of previews: the file is fine, but can't be shown."""

from rosetta_hub.errors import Unavailable, UserError


class NoPreview(UserError):
    """The file is not what the preview is for, or is damaged or too large for one."""

    status = 415


class LibraryMissing(UserError):
    """The service's administrator has to install something for this preview."""

    status = 501


class PreviewBusy(Unavailable):
    """Too many previews are being made."""
