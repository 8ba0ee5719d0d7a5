"""Whether an image's architecture runs on a computing resource, and which one is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Support = Literal["native", "emulated"]


@dataclass(frozen=True)
class ArchSupport:
    """How an image runs; `arch` is what the engine is asked for, None: it takes its own."""

    support: Support
    arch: str | None = None


@dataclass(frozen=True)
class Architectures:
    """Those of a resource: its own, those that run like it, and those that are emulated."""

    own: str
    supported: Sequence[str] = ()
    emulated: Sequence[str] = ()

    def choose(self, forced: str | None, offered: Sequence[str]) -> ArchSupport | None:
        """How an image runs that is `offered` for architectures; None where it does not.

        `forced` is the only one that counts, if any. An image of which nothing is known is taken
        to fit. Native ones go first.
        """
        if not forced and (not offered or self.own in offered):
            return ArchSupport("native")
        archs = (forced,) if forced else tuple(offered)
        for arch in (self.own, *self.supported):
            if arch in archs:
                return ArchSupport("native", arch)
        for arch in self.emulated:
            if arch in archs:
                return ArchSupport("emulated", arch)
        return None

    @property
    def all(self) -> tuple[str, ...]:
        """All that it runs."""
        return tuple(dict.fromkeys((self.own, *self.supported, *self.emulated)))
