"""The pods of this hub in one namespace, as one list and one watch keep them known."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient, NotAccepted
from rosetta_hub.resources.kubernetes.states import is_node_lost, is_terminating

log = logging.getLogger(__name__)

Document = dict[str, Any]

# Seconds between two tries to list the pods while the API server does not answer.
RETRY_SECONDS = 2.0
PAGE = "500"
_TOO_OLD = 410
NOT_LISTED = "The list of the cluster's pods has not been fetched yet."


class Pods:
    """A copy of the server's list. `on_change` is called after each change of it.

    Who deletes a namespace deletes the hub's account or its rights there as well, so that nobody
    can be asked how its pods ended: `removed` has the uids of those of which the server told before
    that they were deleted. It is empty as long as the hub is let in.
    """

    def __init__(self, client: KubernetesClient, path: str, selector: str) -> None:
        self._client = client
        self._path = path
        self._selector = selector
        self._pods: dict[str, Document] = {}
        self._version = ""
        self._failure: str | None = NOT_LISTED
        self._deleted: set[str] = set()
        self.removed: frozenset[str] = frozenset()
        self.on_change: Callable[[], None] = _ignore

    def all(self) -> dict[str, Document]:
        """The pods by name.

        Raises:
            ResourceUnavailable: the server does not answer, so that nothing is known.
        """
        if self._failure is not None:
            raise ResourceUnavailable(self._failure)
        return self._pods

    def last_known(self, name: str) -> Document | None:
        """A pod as the server told last, also while it does not answer.

        Raises:
            ResourceUnavailable: the server has told nothing yet.
        """
        if self._failure == NOT_LISTED:
            raise ResourceUnavailable(NOT_LISTED)
        return self._pods.get(name)

    def put(self, pod: Document) -> None:
        """A pod that was just created, which the watch has not told yet."""
        self._pods.setdefault(pod["metadata"]["name"], _without_noise(pod))

    async def run(self) -> None:
        """Keep the copy up to date."""
        while True:
            try:
                await self._follow()
            except (ApiRefused, NotAccepted) as error:
                if not (isinstance(error, ApiRefused) and error.status == _TOO_OLD):
                    self._be_shut_out(str(error))
            except ResourceUnavailable as error:
                self._lose(str(error))
            except Exception:
                log.exception("%s: its pods could not be followed", self._path)
                self._lose("The Kubernetes API server's answer can't be read.")
            await asyncio.sleep(RETRY_SECONDS)

    def _be_shut_out(self, failure: str) -> None:
        ending = {_uid(pod) for pod in self._pods.values() if _ends(pod)}
        self.removed |= self._deleted | ending
        self._lose(failure)

    def _lose(self, failure: str) -> None:
        self._failure = failure
        self.on_change()

    async def _follow(self) -> None:
        version = await self._list()
        while True:
            # A minute each: the server begins where the last one ended.
            self._version = version
            asked_for = set(self._deleted)
            await self._client.watch(
                self._path,
                {
                    "labelSelector": self._selector,
                    "resourceVersion": version,
                    "allowWatchBookmarks": "true",
                },
                self._take,
            )
            version = self._version
            # The hub is let in still: whoever wants to know how these ended has asked.
            self._deleted -= asked_for

    async def _list(self) -> str:
        pods: dict[str, Document] = {}
        query = {"labelSelector": self._selector, "limit": PAGE}
        while True:
            page = await self._client.call("GET", self._path, query=query)
            for pod in page.get("items", []):
                pods[pod["metadata"]["name"]] = _without_noise(pod)
            metadata = page.get("metadata", {})
            if not metadata.get("continue"):
                break
            query["continue"] = metadata["continue"]
        self._pods, self._failure = pods, None
        self._deleted, self.removed = set(), frozenset()
        self.on_change()
        return str(metadata.get("resourceVersion", ""))

    def _take(self, event: Document) -> None:
        pod = event.get("object", {})
        self._version = str(pod.get("metadata", {}).get("resourceVersion", self._version))
        kind = event.get("type")
        if kind == "BOOKMARK":
            return
        name = pod["metadata"]["name"]
        if kind == "DELETED":
            self._pods.pop(name, None)
            self._deleted.add(_uid(pod))
        else:
            self._pods[name] = _without_noise(pod)
        self.on_change()


def _ends(pod: Document) -> bool:
    # On a node that does not answer, it may go on.
    return is_terminating(pod) and not is_node_lost(pod)


def _uid(pod: Document) -> str:
    return str(pod["metadata"]["uid"])


def _without_noise(pod: Document) -> Document:
    # Half of a pod's size, which nobody reads.
    pod["metadata"].pop("managedFields", None)
    return pod


def _ignore() -> None:
    """Before anybody asks."""
