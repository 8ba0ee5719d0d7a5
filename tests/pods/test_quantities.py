"""Amounts as Kubernetes writes them."""

import pytest

from rosetta_hub.kubernetes.quantities import parse_quantity

AMOUNTS = [
    ("0", 0),
    ("2", 2),
    ("500m", 0.5),
    ("1.5", 1.5),
    ("64Mi", 64 << 20),
    ("1Gi", 1 << 30),
    ("335544320", 335544320),
    ("128974848000m", 128974848),
    ("2k", 2000),
    ("1e3", 1000),
    ("1E", 10**18),
    ("137489216n", 0.137489216),
    ("12u", 12e-6),
]


@pytest.mark.parametrize(("text", "amount"), AMOUNTS)
def test_amounts(text: str, amount: float) -> None:
    assert parse_quantity(text) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "Mi", "1KiB", "ten", "1 2", "1mi"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)
