"""Requests that take long, while the hub is told that they go on."""

import pytest

from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_hub.files.remote.changing import wait_for


def test_no_error_is_lost() -> None:
    def fail() -> None:
        raise ValueError("of the request")

    with pytest.raises(ValueError, match="of the request"):
        wait_for(OperationProgress(Channel()), fail)
