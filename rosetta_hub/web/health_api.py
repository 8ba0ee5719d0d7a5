"""`GET health` and `GET health/PART`: whether the service, and all that it needs, works."""

from typing import Any

from rosetta_hub.errors import NotFound
from rosetta_hub.metrics.sources import PartHealth
from rosetta_hub.web.base_handler import BaseHandler


class HealthHandler(BaseHandler):
    """200 where all parts work, otherwise 503, with each part's state and a message."""

    routine = True

    async def get(self) -> None:
        """Answer; nobody has to log in."""
        parts = await self.services.health.parts()
        faults = [part.message for part in parts.values() if not part.works]
        answer: dict[str, Any] = {
            "status": "faulty" if faults else "ok",
            "parts": {name: view_part(part) for name, part in parts.items()},
        }
        if faults:
            answer["detail"] = " ".join(faults)
        self.answer(answer, 503 if faults else 200)


class PartHealthHandler(BaseHandler):
    """The same for one part, such as `edge` or `tunnels`."""

    routine = True

    async def get(self, name: str) -> None:
        """Answer; nobody has to log in.

        Raises:
            NotFound: this deployment has no such part.
        """
        part = (await self.services.health.parts()).get(name)
        if part is None:
            raise NotFound("The service has no such part.")
        answer = view_part(part)
        if not part.works:
            answer["detail"] = part.message
        self.answer(answer, 200 if part.works else 503)


def view_part(part: PartHealth) -> dict[str, Any]:
    """A part as everybody may know it: `seconds` is how long its check took."""
    return {
        "status": "ok" if part.works else "faulty",
        "message": part.message,
        "seconds": round(part.seconds, 3),
    }


def health_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}health", HealthHandler, arguments),
        (rf"{prefix}health/([a-z]+)", PartHealthHandler, arguments),
    ]
