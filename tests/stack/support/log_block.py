"""Blocks of the topic weir.broker-log.<cluster>, by their description (services/shared/core/brokerlog/log_block.h)
alone: it shares no code with the tap and the meter.
"""

import ctypes

ZSTD = ctypes.CDLL("libzstd.so.1")
for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound"):
    getattr(ZSTD, name).restype = ctypes.c_size_t
ZSTD.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong

NOTICES = ("control", "hole")


def records_of(message):
    """(kind, pos, value, part) of each record of a block, in order, and the block's prev: positions are (broker,
    generation, offset), None where there is none; part is None or (first byte, bytes of the whole line)."""
    headers = {name: value.decode() for name, value in message.headers()}
    assert headers["block"] == "1" and "kind" not in headers
    pos, prev = position(headers["pos"]), position(headers["prev"]) if headers["prev"] else None
    records, rest, behind = [], unpack(message.value()), prev or (pos[0], 0, 0)
    while rest:
        head, _, rest = rest.partition(b"\n")
        kind, *numbers = head.decode().split(" ")
        offset, size, *part = map(int, numbers)
        assert rest[size : size + 1] == b"\n"
        if kind in NOTICES:
            assert offset == 0
        else:
            assert (pos[0], pos[1], offset) > behind or prev is None
            behind = pos[0], pos[1], offset
        records.append((kind, behind, rest[:size], tuple(part) or None))
        rest = rest[size + 1 :]
    assert records and behind == pos
    assert not any(part for *_, part in records) or len(records) == 1
    return records, prev


def position(text):
    broker, generation, offset = text.split(":")
    return int(broker), int(generation), int(offset)


def pack(text):
    room = ZSTD.ZSTD_compressBound(ctypes.c_size_t(len(text)))
    frame = ctypes.create_string_buffer(room)
    size = ZSTD.ZSTD_compress(frame, ctypes.c_size_t(room), text, ctypes.c_size_t(len(text)), 3)
    assert not ZSTD.ZSTD_isError(ctypes.c_size_t(size))
    return frame.raw[:size]


def unpack(frame):
    size = ZSTD.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(len(frame)))
    assert size < 2**24, "no frame that states its size"
    text = ctypes.create_string_buffer(size or 1)
    assert ZSTD.ZSTD_decompress(text, ctypes.c_size_t(size), frame, ctypes.c_size_t(len(frame))) == size
    return text.raw[:size]


def offset_of(pos):
    return int(pos.rpartition(":")[2])


def record(kind, pos, value, part=None):
    """One record of a block's value before it is packed; pos as text."""
    offset = 0 if kind in NOTICES else offset_of(pos)
    more = b" %d %d" % part if part else b""
    return b"%s %d %d%s\n%s\n" % (kind.encode(), offset, len(value), more, value)


def headers(pos, prev):
    return [("block", b"1"), ("pos", pos), ("prev", prev or b"")]
