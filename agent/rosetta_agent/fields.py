"""Typed access to a JSON object, with errors that name the key and what is allowed."""

from typing import Any, Dict, List, Optional, Pattern, Sequence, Tuple

from rosetta_agent.errors import SpecError


class Fields:
    """One JSON object; every reader raises SpecError with the full name of the key."""

    def __init__(self, document: Dict[str, Any], prefix: str) -> None:
        self._document = document
        self._prefix = prefix

    def _error(self, key: str, text: str) -> SpecError:
        return SpecError("{}{}: {}".format(self._prefix, key, text))

    def _typed(self, key: str, kind: type, name: str) -> Any:
        value = self._document.get(key)
        if value is None:
            raise self._error(key, "missing")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._error(key, "not {}".format(name))
        return value

    def _given(self, key: str) -> bool:
        return self._document.get(key) is not None

    def text(self, key: str, pattern: Pattern[str], default: Optional[str] = None) -> str:
        """A string that matches; the value itself is not quoted, it may be a secret."""
        if default is not None and not self._given(key):
            return default
        value: str = self._typed(key, str, "a string")
        if not pattern.match(value):
            raise self._error(key, "not of the form {}".format(pattern.pattern))
        return value

    def optional_text(self, key: str, pattern: Pattern[str]) -> Optional[str]:
        """A string that matches, or None."""
        return self.text(key, pattern) if self._given(key) else None

    def choice(self, key: str, allowed: Sequence[str], default: Optional[str] = None) -> str:
        """One of the strings in ``allowed``."""
        if default is not None and not self._given(key):
            return default
        value: str = self._typed(key, str, "a string")
        if value not in allowed:
            raise self._error(key, "{!r} is none of {}".format(value, ", ".join(allowed)))
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return bool(self._typed(key, bool, "true or false")) if self._given(key) else default

    def number(self, key: str, low: float, default: Optional[float] = None) -> float:
        """A number that is at least ``low``."""
        if default is not None and not self._given(key):
            return default
        value = self._document.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._error(key, "not a number")
        if not low <= value < float("inf"):
            raise self._error(key, "less than {}, or not finite".format(low))
        return float(value)

    def optional_number(self, key: str, low: float) -> Optional[float]:
        """A number that is at least ``low``, or None."""
        return self.number(key, low) if self._given(key) else None

    def integer(self, key: str, low: int, default: Optional[int] = None) -> int:
        """An integer that is at least ``low``."""
        if default is not None and not self._given(key):
            return default
        value: int = self._typed(key, int, "an integer")
        if value < low:
            raise self._error(key, "less than {}".format(low))
        return value

    def optional_integer(self, key: str, low: int, high: Optional[int] = None) -> Optional[int]:
        """An integer between ``low`` and ``high``, or None."""
        if not self._given(key):
            return None
        value = self.integer(key, low)
        if high is not None and value > high:
            raise self._error(key, "more than {}".format(high))
        return value

    def texts(self, key: str, pattern: Optional[Pattern[str]] = None) -> Tuple[str, ...]:
        """A list of strings, empty by default."""
        values = self._typed(key, list, "a list") if self._given(key) else []
        for value in values:
            if not isinstance(value, str) or "\0" in value:
                raise self._error(key, "not a list of strings")
            if pattern is not None and not pattern.match(value):
                raise self._error(key, "{!r} is not of the form {}".format(value, pattern.pattern))
        return tuple(values)

    def optional_texts(self, key: str) -> Optional[Tuple[str, ...]]:
        """A list of strings, or None where there is none (or an empty one)."""
        return self.texts(key) or None

    def variables(self, key: str, pattern: Pattern[str]) -> Dict[str, str]:
        """Names and values of environment variables, empty by default."""
        values = self._typed(key, dict, "an object") if self._given(key) else {}
        for name, value in values.items():
            if not pattern.match(name):
                raise self._error(key, "{!r} is not the name of a variable".format(name))
            if not isinstance(value, str) or "\0" in value:
                raise self._error("{}.{}".format(key, name), "not a string")
        return dict(values)

    def section(self, key: str) -> "Fields":
        """An object within, empty by default."""
        value = self._typed(key, dict, "an object") if self._given(key) else {}
        return Fields(value, "{}{}.".format(self._prefix, key))

    def optional_section(self, key: str) -> Optional["Fields"]:
        """An object within, or None."""
        return self.section(key) if self._given(key) else None

    def sections(self, key: str) -> List["Fields"]:
        """A list of objects, empty by default."""
        values = self._typed(key, list, "a list") if self._given(key) else []
        if not all(isinstance(value, dict) for value in values):
            raise self._error(key, "not a list of objects")
        return [
            Fields(value, "{}{}[{}].".format(self._prefix, key, index))
            for index, value in enumerate(values)
        ]
