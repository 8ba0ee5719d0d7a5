"""How states travel to the sidecar processes, and what they tell."""

import json

import pytest

from rosetta_hub.edge.client import Activity, merge_activity
from rosetta_hub.sidecar_client import Document, split_documents

SMALL, LARGE = {"id": "a"}, {"id": "b" * 100}


@pytest.mark.parametrize(
    ("documents", "sizes"),
    [
        ([], [0]),
        ([SMALL], [1]),
        ([SMALL] * 7, [3, 3, 1]),
        ([LARGE], [1]),
        ([SMALL, LARGE, SMALL, SMALL], [1, 1, 2]),
        ([LARGE, LARGE], [1, 1]),
    ],
)
def test_pieces_stay_below_the_limit(documents: list[Document], sizes: list[int]) -> None:
    limit = 3 * (len(json.dumps(SMALL)) + 1)
    pieces = split_documents(documents, limit)
    assert [len(piece) for piece in pieces] == sizes
    assert [document for piece in pieces for document in piece] == documents


def test_traffic_of_an_interface_is_the_tasks() -> None:
    """Who looks at a dashboard uses the task: nothing stops it meanwhile."""
    merged = merge_activity(
        {
            "aa": Activity(1, 2, None, 1, {"s": 5}),
            "aa-8787": Activity(10, 20, 99, 2, {"s": 7, "t": 1}),
            "bb": Activity(0, 0, None, 0, {}),
        }
    )
    assert merged == {
        "aa": Activity(11, 22, 99, 3, {"s": 7, "t": 1}),
        "bb": Activity(0, 0, None, 0, {}),
    }
