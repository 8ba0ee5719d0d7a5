"""The spawner that the hub is configured with."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from copy import deepcopy
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from traitlets import Type
from wrapspawner import WrapSpawner

from rosetta_hub.catalogue.families import denied_families, families_for
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.catalogue.software import Software
from rosetta_hub.errors import InvalidOptions, Unavailable
from rosetta_hub.hub.native_spawners import class_name
from rosetta_hub.static_version import static_version
from rosetta_spawners.child import HANDED_OVER, HUB_FLAGS, SHARED, make_child
from rosetta_spawners.choice import Choice, StoredState, choose, native_choice, restore, task_choice
from rosetta_spawners.client import RequestRefused, SoftwareClient
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.form import chosen_fields, native_fields, render_form, take_preset
from rosetta_spawners.settings import Settings, hub_user_fields, load_settings, user_of
from rosetta_spawners.task import TaskSpawner

# Seconds within which the form of a native entry has to be there.
_FORM_TIMEOUT = 10.0
# Seconds that the form waits for the service.
_SERVICE_TIMEOUT = 5.0


class RosettaSpawner(WrapSpawner):
    """Chooses for each start who does the work: `TaskSpawner`, or the class of a native entry.

    A native entry of the catalogue is another spawner of the hub, such as the one that it had
    before Rosetta Hub. It is started with its own configuration (`c.ThatSpawner`, then the entry's
    `spawner_config`), options form and hooks, and the hub sees through this object: timeouts,
    progress, state, token, server.

    Options of a start: those of `rosetta_hub.catalogue.options.TaskOptions` for a container;
    `{"software": ID, "spawner_options": {...}}` for a native entry, of which the second part is
    the `user_options` of that spawner. Options without `software` are the previous spawner's.

    Of wrapspawner this keeps the attributes, the forwarding of start, stop and poll, and the
    clearing. Choosing, making and restoring the child are replaced, because what wrapspawner does
    there can't be mended from a subclass: see `rosetta_spawners.child`. Besides, it keeps the
    configured dict itself as the child's configuration, and writes that, secrets included, into
    the hub's database.

    One limit: the hub reads `server_token_scopes` before it tells the options of a start, so for
    native entries too it must be set on `c.Spawner`.
    """

    child_class = Type(TaskSpawner, Spawner, help="Class of the present child; not configurable.")

    _stored = StoredState(None)
    _form_auth_state: tuple[Any] | None = None
    _preset: Mapping[str, str] = MappingProxyType({})

    def __getattribute__(self, name: str) -> Any:
        if name in SHARED and (child := _child_of(self)) is not None:
            return getattr(child, name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        child = _child_of(self)
        # Hooks of authenticators may set what only the child has, e.g. `spawner.volumes`.
        is_childs = name in SHARED or not (name.startswith("_") or hasattr(type(self), name))
        if child is not None and (is_childs or name in HUB_FLAGS):
            setattr(child, name, value)
        if child is None or not is_childs or name in HANDED_OVER:
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        child = _child_of(self)
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
            choice = self._choice()
            child = self._make_child(choice)
            state = self._stored.state if self._stored.software == choice.software else {}
            # As the hub does with a spawner before each start.
            child.load_state(deepcopy(state))
            child.clear_state()
            self._adopt(child, choice)
        return self.child_spawner

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the child of a server that the hub has as running.

        Servers that were started before Rosetta Hub was installed go on under their spawner.
        """
        Spawner.load_state(self, state)
        self._stored = StoredState.parse(deepcopy(state), self.settings)
        if self.server is None:
            return
        choice = restore(self.settings, self._stored, self.user_options, user_of(self.user))
        child = self._make_child(choice)
        child.load_state(deepcopy(self._stored.state))
        self._adopt(child, choice)

    def get_state(self) -> dict[str, Any]:
        """What `load_state` needs; empty when nothing runs, unless the child keeps something."""
        stored, child = self._stored, self.child_spawner
        if child:
            stored = replace(stored, state=deepcopy(child.get_state()))
        return stored.pack(self.settings) if child or stored.state else {}

    def clear_state(self) -> None:
        """Drop the child. What its class keeps from one start to the next, it finds again."""
        child = self.child_spawner
        super().clear_state()
        if child:
            self._stored = StoredState(self._stored.software, deepcopy(child.get_state()))

    def _choice(self) -> Choice:
        return choose(self.settings, self.user_options, user_of(self.user))

    def _make_child(self, choice: Choice) -> Spawner:
        return make_child(self, choice.spawner_class, choice.config, choice.options)

    def _adopt(self, child: Spawner, choice: Choice) -> None:
        for name in HANDED_OVER:
            setattr(child, name, getattr(self, name))
        self.child_class = type(child)
        self._stored = StoredState(
            choice.software, spawner_class=class_name(type(child)) if choice.software else ""
        )
        self.child_spawner = child

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
        await self._task_child().rename(old_name, new_name)
        if (choice := self._choice()).software:
            await self._make_child(choice).rename(old_name, new_name)

    async def delete_forever(self) -> None:
        """Have all forget the server who may know it: its name may have been a task's before."""
        try:
            if self._choice().software:
                await maybe_future(self.construct_child().delete_forever())
        finally:
            await self._task_child().delete_forever()

    def _task_child(self) -> Spawner:
        return self._make_child(task_choice(self.user_options))

    # The form

    async def get_options_form(self) -> str:
        """The catalogue as a form (HTML), with the own forms of the native entries in it.

        The service adds what users have; without it the configuration's software is there. Empty
        where there is nothing to choose: the previous spawner alone, which has no form. A native
        entry whose form can't be made is left out.
        """
        user = user_of(self.user)
        preset, self._preset = self._preset, MappingProxyType({})
        families, forms = [], {}
        listed, complete = await self._list_families()
        for family in listed:
            if entry := self.settings.native({"software": family["id"]}, user):
                form = await self._own_form(entry)
                if form is None:
                    continue
                forms[family["id"]] = form
            elif family["kind"] == "native":
                # The service has read another configuration than this hub.
                continue
            families.append(family)
        self._form_auth_state = None
        previous = self.settings.previous_for(user)
        if (
            previous
            and [family["id"] for family in families] == [previous.id]
            and not forms[previous.id]
        ):
            return ""
        static_url = f"{self.settings.rosetta.service_prefix}static/{static_version()}"
        denied = denied_families(self.settings.catalogue, user)
        return render_form(families, forms, static_url, user.name, preset, complete, denied)

    async def _list_families(self) -> tuple[list[dict[str, Any]], bool]:
        """The user's families, and whether they are all."""
        try:
            request = hub_user_fields(self.user)
            return await self._software_client().families(request, _SERVICE_TIMEOUT), True
        except (Unavailable, RequestRefused) as exc:
            self.log.warning("The form shows the software of the configuration alone: %s", exc)
            complete = not self.settings.rosetta.user_software_rules().enabled
            return families_for(self.settings.catalogue, user_of(self.user)), complete

    def _software_client(self) -> SoftwareClient:
        settings = self.settings
        return SoftwareClient(settings.service, settings.spawner_key, str(self.user.name))

    def _native_options(self, entry: Software, own: dict[str, Any]) -> dict[str, Any]:
        """Those of the previous spawner are stored as they were before Rosetta Hub."""
        previous = self.settings.previous
        if previous and entry.id == previous.id and "software" not in own:
            return own
        return {"software": entry.id, "spawner_options": own}

    async def _own_form(self, entry: Software) -> str | None:
        """The form of a native entry, empty where it has none; None where it can't be made."""
        try:
            async with asyncio.timeout(_FORM_TIMEOUT):
                child = self._make_child(native_choice(entry, {}))
                child.handler = self.handler
                if self._form_auth_state:
                    await child.run_auth_state_hook(*self._form_auth_state)
                return str(await maybe_future(child.get_options_form()) or "")
        except Exception:  # a foreign class can raise anything
            self.log.exception("The software %r is hidden: its form can't be made", entry.id)
            return None

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
            StartRefused: they can't be; the hub shows the form again, with the message.
        """
        fields = chosen_fields(form_data)
        user = user_of(self.user)
        if entry := self.settings.native(fields, user):
            child = self._make_child(native_choice(entry, {}))
            own = await maybe_future(child.run_options_from_form(native_fields(form_data)))
            return self._native_options(entry, own)
        try:
            options = parse_options(fields)
            if options.software in self.settings.catalogue.software:
                resolve_options(options, self.settings.catalogue, user)
        except InvalidOptions as exc:
            raise StartRefused.because(exc) from exc
        # The hub stores them as JSON.
        document = options.model_dump(mode="json", exclude_unset=True)
        if options.software not in self.settings.catalogue.software:
            await self._check_with_service(document)
        return document

    async def _check_with_service(self, options: dict[str, Any]) -> None:
        """Refuse what the service would refuse at the start, while the form can still be mended.

        Raises:
            StartRefused: the service says no.
        """
        request = {"options": options, **hub_user_fields(self.user)}
        try:
            await self._software_client().check(request, _SERVICE_TIMEOUT)
        except RequestRefused as exc:
            raise StartRefused(exc.status, str(exc)) from exc
        except Unavailable as exc:
            # The start tells, or waits for the service.
            self.log.warning("The options could not be checked: %s", exc)


def _child_of(spawner: RosettaSpawner) -> Spawner | None:
    """The child, read past `__getattribute__`."""
    return vars(spawner).get("_trait_values", {}).get("child_spawner")
