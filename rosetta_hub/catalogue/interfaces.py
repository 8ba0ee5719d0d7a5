"""Further interfaces of a software: ports beside its main one, such as that of a dashboard."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from rosetta_hub.catalogue.validation import Entry, duplicates, pattern

MOST_INTERFACES = 8
# Agents ask for it, too, and HTTP knows no other characters.
_PATH = pattern(
    r"^/[\x21-\x7e]*$", "write a path that begins with /, of ASCII characters without spaces"
)


class Interface(Entry):
    """A further port of the container that users reach, as they do the main interface.

    The edge asks for the same access; the port answers when the software opens it, which may be
    long after the start. `path` is the page that is opened.
    """

    name: str = Field(min_length=1, max_length=40)
    port: int = Field(ge=1, le=65535)
    protocol: Literal["http", "https"] = "http"
    path: str = Field(default="/", pattern=_PATH)

    @field_validator("name")
    @classmethod
    def _no_number(cls, value: str) -> str:
        if value.isdigit():
            raise ValueError("a name that is a number would be taken for a port: add a word")
        return value


def check_interfaces(interfaces: Sequence[Interface], main_port: int) -> None:
    """See that names and ports tell the interfaces of one software apart.

    Raises:
        ValueError: one is there twice, or has the port of the main interface.
    """
    if twice := duplicates(interface.name.casefold() for interface in interfaces):
        raise ValueError(f"two interfaces are called {min(twice)!r}: give each its own name")
    ports = [main_port, *(interface.port for interface in interfaces)]
    if twice_ports := duplicates(str(port) for port in ports):
        raise ValueError(
            f"the port {min(twice_ports)} is there twice: each of 'interfaces' needs a port of its"
            " own, other than 'interface_port'"
        )


def find_interface(interfaces: Sequence[Interface], key: str) -> Interface | None:
    """The interface of that name (upper case and lower case are one) or port; None without one."""
    return next(
        (
            interface
            for interface in interfaces
            if key.casefold() == interface.name.casefold() or key == str(interface.port)
        ),
        None,
    )
