"""Which pods are looked at when: those that have changed, and those whose time has come."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


class PodRounds:
    """One a Kubernetes resource. All times are those of the event loop's clock, in seconds.

    A look may take long; meanwhile the pod is not due, and all others are as usual.
    """

    def __init__(self) -> None:
        # By name: the pod as it was at the last look, and when it is looked at again.
        self._looks: dict[str, tuple[Document, float]] = {}
        # Those whose looks are going on, and the ones among them that are looked at again at once.
        self._looking: set[str] = set()
        self._hastened: set[str] = set()

    def take(self, pods: Mapping[str, Document], now: float) -> list[Document]:
        """The pods to look at now, whose looks have begun; `note` ends each.

        Those that are not among `pods` any more are forgotten.
        """
        self._looks = {name: look for name, look in self._looks.items() if name in pods}
        due = [pod for name, pod in pods.items() if self._is_due(name, pod, now)]
        for pod in due:
            name = pod["metadata"]["name"]
            self._looks.pop(name, None)
            self._looking.add(name)
        return due

    def note(self, pod: Document, due: float) -> float:
        """The look has ended: look again at that time, or when the pod has changed.

        Returns when it is due: at once where it was hastened meanwhile.
        """
        name = pod["metadata"]["name"]
        self._looking.discard(name)
        if name in self._hastened:
            self._hastened.discard(name)
            return 0.0
        self._looks[name] = (pod, due)
        return due

    def hasten(self, name: str) -> None:
        """Look at a pod at once, or again after the look that is going on."""
        self._looks.pop(name, None)
        if name in self._looking:
            self._hastened.add(name)

    def hasten_all(self) -> None:
        """The same for all of them."""
        for name in (*self._looks, *self._looking):
            self.hasten(name)

    def next(self, latest: float) -> float:
        """When the first pod is due, but `latest` at the latest."""
        return min([latest, *(due for _, due in self._looks.values())])

    def _is_due(self, name: str, pod: Document, now: float) -> bool:
        if name in self._looking:
            return False
        last_pod, due = self._looks.get(name, (None, now))
        # The list of pods has a new document for each change of one.
        return last_pod is not pod or due <= now
