"""The spawner that the hub is configured with."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from traitlets import Type, Unicode
from wrapspawner import WrapSpawner

from rosetta_hub.catalogue.cards import cards_for
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.catalogue.software import Software
from rosetta_hub.errors import InvalidOptions
from rosetta_spawners.child import HUB_FLAGS, Bond, find_class, make_child
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.form import chosen_fields, native_fields, render_form, take_preset
from rosetta_spawners.settings import Settings, load_settings, person_of
from rosetta_spawners.task import TaskSpawner


class RosettaSpawner(WrapSpawner):
    """Chooses for each start who does the work: `TaskSpawner`, or the class of a native entry.

    A native entry of the catalogue is the spawner that the hub used before. It is started with its
    own configuration (`c.ThatSpawner`, then the entry's `spawner_config`), options form and hooks,
    and the hub sees through this object: timeouts, progress, state, token, server.

    Options of a start: those of `rosetta_hub.catalogue.options.TaskOptions` for a container;
    `{"software": ID, "spawner_options": {...}}` for a native entry, of which the second part is
    the `user_options` of that spawner.

    Of wrapspawner this keeps the attributes, the forwarding of start, stop and poll, and the
    clearing. Choosing, making and restoring the child are replaced, because what wrapspawner does
    there can't be mended from a subclass: see `rosetta_spawners.child`. Besides, it keeps the
    configured dict itself as the child's configuration, and writes that, secrets included, into
    the hub's database.

    One limit: the hub reads `server_token_scopes` before it tells the options of a start, so for
    native entries too it must be set on `c.Spawner`.
    """

    child_class = Type(TaskSpawner, Spawner, help="Class of the present child; not configurable.")

    child_software = Unicode(help="Id of the native entry that the child is of; empty: none.")

    _bond: Bond | None = None
    _form_auth_state: tuple[Any] | None = None
    _preset: Mapping[str, str] = MappingProxyType({})

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        child = self.__dict__.get("_trait_values", {}).get("child_spawner")
        # Hooks of authenticators may set what only the child has, e.g. `spawner.volumes`.
        if child and (name in HUB_FLAGS or (child.has_trait(name) and not self.has_trait(name))):
            setattr(child, name, value)

    def __getattr__(self, name: str) -> Any:
        child = self.__dict__.get("_trait_values", {}).get("child_spawner")
        if child is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(child, name)

    @property
    def settings(self) -> Settings:
        """The configuration that all spawners share."""
        return load_settings(self.config)

    # The child: made, restored, dropped.

    def construct_child(self) -> Spawner:
        """The child for `user_options`, made when there is none."""
        if self.child_spawner is None:
            entry = self._chosen_entry()
            child = self._make_child(entry)
            kept = self.child_state if self.child_software == _id(self.user_options, entry) else {}
            # As the hub does with a spawner before each start.
            child.load_state(deepcopy(kept))
            child.clear_state()
            self._adopt(child, _id(self.user_options, entry))
        return self.child_spawner

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the child of a server that the hub has as running.

        A hub that was killed in the middle of a start has saved no state; then the options tell.
        """
        Spawner.load_state(self, state)
        self.child_state = deepcopy(state.get("child_state", {}))
        self.child_software = str(state.get("software", ""))
        if self.server is None:
            return
        entry = self.settings.native_entry(self.child_software) if state else self._chosen_entry()
        # An entry that has been removed from the catalogue may still run.
        child = self._make_child(entry, str(state.get("spawner_class", "")))
        child.load_state(deepcopy(self.child_state))
        self._adopt(child, self.child_software or _id(self.user_options, entry))

    def get_state(self) -> dict[str, Any]:
        """What `load_state` needs; empty when nothing runs, unless the child keeps something."""
        child = self.child_spawner
        state = child.get_state() if child else self.child_state
        if child is None and not state:
            return {}
        found = {"software": self.child_software, "child_state": deepcopy(state)}
        if child and self.child_software:
            found["spawner_class"] = f"{type(child).__module__}.{type(child).__qualname__}"
        return found

    def clear_state(self) -> None:
        """Drop the child. What its class keeps from one start to the next, it finds again."""
        bond, self._bond = self._bond, None
        if bond:
            bond.dissolve()
        child, kept = self.child_spawner, self.child_state
        super().clear_state()
        self.child_state = deepcopy(child.get_state()) if child else kept
        if not self.child_state:
            self.child_software = ""

    def _chosen_entry(self) -> Software | None:
        return self.settings.native(self.user_options, person_of(self.user))

    def _make_child(self, entry: Software | None, class_name: str = "") -> Spawner:
        """A child for a native entry, of a class of that name, or for a container."""
        options = self.user_options
        if entry is None and not class_name:
            return make_child(self, TaskSpawner, {}, options)
        config = entry.spawner_config if entry else {}
        own_options = options.get("spawner_options") or {}
        return make_child(
            self, find_class(entry.spawner_class if entry else class_name), config, own_options
        )

    def _adopt(self, child: Spawner, software: str) -> None:
        self.child_class = type(child)
        self.child_software = software
        self.child_spawner = child
        self._bond = Bond(self, child)

    # What the hub asks before, during and after a start, in this order.

    async def _get_oauth_client_allowed_scopes(self) -> list[str]:
        # The hub's first call after it has told the options. An error here, outside of its error
        # handling, would leave a server that looks ready; `start` meets it again.
        try:
            self.construct_child()
        except Exception:  # a foreign class can raise anything
            self.log.exception("Can't make the spawner for %s", self._log_name)
        return list(await super()._get_oauth_client_allowed_scopes())

    async def run_auth_state_hook(self, auth_state: Any) -> None:
        """Run the child's own; for the page with the form, note what the form needs.

        The hub calls this before it looks for options in the query of that page.
        """
        if self._start_pending:
            await self.construct_child().run_auth_state_hook(auth_state)
            return
        self._form_auth_state = (auth_state,)
        if self.handler is not None:
            self._preset = take_preset(self.handler.request)

    async def apply_group_overrides(self) -> None:
        """Apply the child's own."""
        await self.construct_child().apply_group_overrides()

    async def _run_apply_user_options(self, user_options: dict[str, Any]) -> None:
        # JupyterHub 5.3 and later. The options of a container are the service's to apply.
        child = self.construct_child()
        if not isinstance(child, TaskSpawner):
            await child._run_apply_user_options(child.user_options)

    def run_pre_spawn_hook(self) -> Any:
        """Run the child's own, with the child as its argument."""
        return self.construct_child().run_pre_spawn_hook()

    async def create_certs(self) -> Any:
        """Have the child make its certificates for internal TLS."""
        return await self.construct_child().create_certs()

    async def move_certs(self, paths: Any) -> Any:
        """Have the child move them to where its server finds them."""
        return await maybe_future(self.construct_child().move_certs(paths))

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The child's progress."""
        async with aclosing(self.construct_child().progress()) as events:
            async for event in events:
                yield event

    async def get_url(self) -> str:
        """The child's address."""
        return str(await maybe_future(self.construct_child().get_url()))

    def run_post_stop_hook(self) -> Any:
        """Run the child's own."""
        child = self.child_spawner
        return child.run_post_stop_hook() if child else super().run_post_stop_hook()

    async def rename(self, old_name: str, new_name: str) -> None:
        """Ask those who may have something under the old name (JupyterHub 6 and later).

        Raises:
            StartRefused: the service has a record of this server.
        """
        await self._make_child(None).rename(old_name, new_name)
        if entry := self._chosen_entry():
            await self._make_child(entry).rename(old_name, new_name)

    async def delete_forever(self) -> None:
        """Have all forget the server who may know it: its name may have been a task's before."""
        try:
            if self._chosen_entry():
                await maybe_future(self.construct_child().delete_forever())
        finally:
            await self._make_child(None).delete_forever()

    # The form

    async def get_options_form(self) -> str:
        """The catalogue as a form (HTML), with the own forms of the native entries in it."""
        person = person_of(self.user)
        preset, self._preset = self._preset, MappingProxyType({})
        cards = cards_for(self.settings.catalogue, person)
        forms = {}
        for card in cards:
            if entry := self.settings.native({"software": card["id"]}, person):
                forms[card["id"]] = await self._own_form(entry)
        self._form_auth_state = None
        static_url = f"{self.settings.rosetta.service_prefix}static"
        return render_form(cards, forms, static_url, person.name, preset)

    async def _own_form(self, entry: Software) -> str:
        child = self._make_child(entry)
        child.handler = self.handler
        if self._form_auth_state:
            await child.run_auth_state_hook(*self._form_auth_state)
        return str(await child.get_options_form() or "")

    async def options_from_query(self, query_data: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse to start from a link; see `take_preset`.

        Raises:
            StartRefused: always; the hub shows the form.
        """
        raise StartRefused(405, "A link starts nothing. Check the options and press Start.")

    async def run_options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a start from the fields of the form.

        `options_from_form`, which may be configured for all spawners, is the child's.

        Raises:
            StartRefused: they can't be; the hub shows the form again, with the sentence.
        """
        fields = chosen_fields(form_data)
        person = person_of(self.user)
        if entry := self.settings.native(fields, person):
            child = self._make_child(entry)
            own = await maybe_future(child.run_options_from_form(native_fields(form_data)))
            return {"software": fields["software"], "spawner_options": own}
        try:
            options = parse_options(fields)
            resolve_options(options, self.settings.catalogue, person)
        except InvalidOptions as exc:
            raise StartRefused.because(exc) from exc
        return options.model_dump(exclude_unset=True)


def _id(options: Mapping[str, Any], entry: Software | None) -> str:
    return str(options.get("software", "")) if entry else ""
