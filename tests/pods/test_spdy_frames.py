"""Frames of SPDY/3.1, whatever parts they come in."""

import pytest

from rosetta_hub.tunnels.spdy_frames import (
    FINAL,
    MAX_CONTROL,
    PING,
    Data,
    SpdyControl,
    SpdyReader,
    build_control,
    build_data,
    build_stream_openings,
)
from rosetta_hub.tunnels.upgrade import ProtocolError

from .fake_spdy import Openings

LARGE = bytes(at % 249 for at in range(70000))


def read_all(stream: bytes, step: int) -> list[SpdyControl | Data]:
    reader = SpdyReader()
    datas: list[SpdyControl | Data] = []
    for start in range(0, len(stream), step):
        datas += reader.feed(stream[start : start + step])
    return datas


def collect(frames: list[SpdyControl | Data]) -> list[object]:
    """Control frames, and what came one after the other in one stream."""
    values: list[object] = []
    for frame in frames:
        if isinstance(frame, SpdyControl):
            values.append(frame)
            continue
        last = values[-1] if values else None
        if isinstance(last, list) and last[0] == frame.stream and not last[2]:
            last[1:] = [last[1] + bytes(frame.data), frame.is_final]
        else:
            values.append([frame.stream, bytes(frame.data), frame.is_final])
    return values


def test_frames_are_those_of_the_draft() -> None:
    assert build_data(3, b"hi", FINAL) == b"\0\0\0\3\x01\0\0\2hi"
    assert build_control(PING, b"\0\0\0\1") == b"\x80\3\0\6\0\0\0\4\0\0\0\1"
    opening = build_stream_openings({1: {"port": "80"}})
    assert opening[:5] == b"\x80\3\0\1\0"
    assert opening[8:18] == b"\0\0\0\1" + b"\0" * 6


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 1 << 20])
def test_frames_are_the_same_whatever_parts_they_come_in(step: int) -> None:
    stream = b"".join(
        [
            build_data(3, b"short"),
            build_control(PING, b"\0\0\0\2"),
            build_data(3, LARGE),
            build_data(3, b""),
            build_control(2, b""),
            build_data(3, b"last", FINAL),
            build_data(1, b"", FINAL),
        ]
    )
    assert collect(read_all(stream, step)) == [
        [3, b"short", False],
        SpdyControl(PING, b"\0\0\0\2"),
        [3, LARGE, False],
        SpdyControl(2, b""),
        [3, b"last", True],
        [1, b"", True],
    ]


def test_a_large_frame_is_handed_over_as_it_comes() -> None:
    (part,) = SpdyReader().feed(build_data(3, LARGE, FINAL)[:1000])
    assert isinstance(part, Data)
    assert (len(part.data), part.is_final) == (992, False)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02\0\x06\0\0\0\4\0\0\0\1",
        b"\x80\x03\0\x06" + (MAX_CONTROL + 1).to_bytes(4, "big"),
    ],
    ids=["another version", "too long"],
)
def test_what_no_server_may_send(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(SpdyReader().feed(data))


def test_streams_are_opened_with_their_headers() -> None:
    document = {1: {"streamtype": "error", "port": "80"}, 3: {"streamtype": "data", "port": "80"}}
    openings = Openings()
    frames = read_all(build_stream_openings(document), 5)
    values = dict(openings.read(frame) for frame in frames if isinstance(frame, SpdyControl))
    assert (values, len(frames)) == (document, 2)
