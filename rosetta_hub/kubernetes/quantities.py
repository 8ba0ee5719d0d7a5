"""Amounts as Kubernetes writes them, such as `500m`, `64Mi` or `2e3`.

Source: Kubernetes API reference, "Quantity" (apimachinery/pkg/api/resource).
"""

import re

_BINARY = {f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {letter: 10.0 ** (3 * power) for power, letter in enumerate(("k", *"MGTPE"), 1)}
_SMALL = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
_SUFFIXES = {**_BINARY, **_DECIMAL, **_SMALL}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([A-Za-z]*))")


def parse_quantity(text: str) -> float:
    """The amount as a number.

    Raises:
        ValueError: this is no quantity.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or (match[3] or "") not in _SUFFIXES:
        raise ValueError(f"{text!r} is no quantity")
    if match[2] is not None:
        return float(match[1]) * 10.0 ** int(match[2])
    return float(match[1]) * _SUFFIXES[match[3] or ""]
