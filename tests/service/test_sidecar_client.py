"""How states travel to the sidecar processes."""

import json

import pytest

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
