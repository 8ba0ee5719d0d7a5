"""What all spawners of a hub share: the configuration, read once a process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.catalogue import Catalogue, Person
from rosetta_hub.catalogue.software import Software, SoftwareCard
from rosetta_hub.config import Rosetta


@dataclass(frozen=True)
class Settings:
    """`c.Rosetta` with its validated catalogue, and the key that the service knows spawners by."""

    rosetta: Rosetta
    catalogue: Catalogue
    spawner_key: str

    def __repr__(self) -> str:
        return "Settings(***)"

    def native(self, options: Mapping[str, Any], person: Person) -> Software | None:
        """The native entry that the options of a start name, None for anything else.

        What is not the person's is None too: then the service is asked, and refuses it.
        """
        cards = {card.id: card for card in self.catalogue.cards_for(person)}
        return _native(cards.get(str(options.get("software", ""))))

    def native_entry(self, card_id: str) -> Software | None:
        """The native entry of that id, whoever may start it; for servers that run already."""
        return _native(self.catalogue.software.get(card_id))


def _native(card: SoftwareCard | None) -> Software | None:
    return card.default if card and card.default.kind == "native" else None


_known: list[tuple[Any, Settings]] = []


def load_settings(config: Any) -> Settings:
    """The settings in the hub's configuration object; the same instance for the same object.

    Raises:
        ConfigError: the configuration can't be used.
    """
    for known, settings in _known:
        if known is config:
            return settings
    rosetta = Rosetta(config=config)
    settings = Settings(rosetta, rosetta.catalogue(), rosetta.keys().spawner_key)
    # A process has one hub, so one entry; tests may have several, one after the other.
    _known[:] = [(config, settings)]
    return settings


def person_of(user: Any) -> Person:
    """The hub's user as the catalogue's checks see it."""
    groups = frozenset(str(group.name) for group in user.groups)
    return Person(str(user.name), groups, bool(user.admin))
