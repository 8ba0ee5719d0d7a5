"""Which pods are looked at when: those that have changed, and those whose time has come."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


class PodRounds:
    """One a Kubernetes resource. All times are those of the event loop's clock, in seconds."""

    def __init__(self) -> None:
        # By name: the pod as it was at the last look, and when it is looked at again.
        self._looks: dict[str, tuple[Document, float]] = {}

    def due(self, pods: Mapping[str, Document], now: float) -> list[Document]:
        """The pods to look at now; those that are not among `pods` any more are forgotten."""
        self._looks = {name: look for name, look in self._looks.items() if name in pods}
        return [pod for name, pod in pods.items() if self._is_due(name, pod, now)]

    def note(self, pod: Document, due: float) -> None:
        """Look at the pod again at that time, or when it has changed."""
        self._looks[pod["metadata"]["name"]] = (pod, due)

    def next(self, latest: float) -> float:
        """When the first pod is due, but `latest` at the latest."""
        return min([latest, *(due for _, due in self._looks.values())])

    def _is_due(self, name: str, pod: Document, now: float) -> bool:
        seen, due = self._looks.get(name, (None, now))
        # The list of pods has a new document for each change of one.
        return seen is not pod or due <= now
