"""FETCH requests written by hand, by name (version 11) and by id (version 13), and what their answers brought."""

import struct
from dataclasses import dataclass, field

from wire import ANSWER_MAX, FETCH, Closed, Wire, text

NOT_AUTHORIZED = 29
PARTITION_MAX = 1 << 20


@dataclass
class Part:
    """A partition in an answer."""

    topic: object  # name, or id as bytes
    partition: int
    error: int
    high: int
    records: bytes

    @property
    def batches(self):
        """(first offset, records) of each whole batch; a client drops what is cut off behind them."""
        found, rest = [], self.records
        while len(rest) >= 61:
            base, size = struct.unpack_from(">qi", rest)
            if len(rest) < 12 + size:
                break
            found.append((base, struct.unpack_from(">i", rest, 57)[0]))
            rest = rest[12 + size :]
        return found


@dataclass
class Answer:
    error: int
    session: int
    parts: list = field(default_factory=list)

    @property
    def bytes(self):
        return sum(len(part.records) for part in self.parts)

    def part(self, topic, partition):
        return next((p for p in self.parts if (p.topic, p.partition) == (topic, partition)), None)


class Reader:
    """Takes one thing after another from an answer."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return values if len(values) > 1 else values[0]

    def bytes(self, size):
        self.at += max(size, 0)
        return bytes(self.data[self.at - max(size, 0) : self.at])

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def tags(self):
        for _ in range(self.uvarint()):
            self.uvarint()
            self.bytes(self.uvarint())


def uvarint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def body_by_name(topics, session, epoch, forgotten, wait_ms, min_bytes, max_bytes, replica=-1):
    out = [struct.pack(">iiiibiii", replica, wait_ms, min_bytes, max_bytes, 0, session, epoch, len(topics))]
    for topic, parts in topics:
        out.append(text(topic) + struct.pack(">i", len(parts)))
        out += [struct.pack(">iiqqi", partition, -1, offset, -1, PARTITION_MAX) for partition, offset in parts]
    out.append(struct.pack(">i", len(forgotten)))
    for topic, parts in forgotten:
        out.append(text(topic) + struct.pack(f">i{len(parts)}i", len(parts), *parts))
    return b"".join(out) + text("")


def body_by_id(topics, session, epoch, forgotten, wait_ms, min_bytes, max_bytes, replica=-1):
    out = [struct.pack(">iiiibii", replica, wait_ms, min_bytes, max_bytes, 0, session, epoch), uvarint(len(topics) + 1)]
    for topic, parts in topics:
        out.append(topic + uvarint(len(parts) + 1))
        out += [struct.pack(">iiqiqib", partition, -1, offset, -1, -1, PARTITION_MAX, 0) for partition, offset in parts]
        out.append(b"\0")
    out.append(uvarint(len(forgotten) + 1))
    for topic, parts in forgotten:
        out.append(topic + uvarint(len(parts) + 1) + struct.pack(f">{len(parts)}i", *parts) + b"\0")
    return b"".join(out) + uvarint(1) + b"\0"


def answer_by_name(data):
    r = Reader(data)
    _, error, session, topics = r.take("ihii")
    answer = Answer(error, session)
    for _ in range(topics):
        topic = r.bytes(r.take("h")).decode()
        for _ in range(r.take("i")):
            partition, code, high, _, _, aborted = r.take("ihqqqi")
            r.bytes(16 * aborted)
            _, size = r.take("ii")
            answer.parts.append(Part(topic, partition, code, high, r.bytes(size)))
    assert r.at == len(data)
    return answer


def answer_by_id(data):
    r = Reader(data)
    r.tags()  # of the header
    _, error, session = r.take("ihi")
    answer = Answer(error, session)
    for _ in range(r.uvarint() - 1):
        topic = r.bytes(16)
        for _ in range(r.uvarint() - 1):
            partition, code, high, _, _ = r.take("ihqqq")
            for _ in range(r.uvarint() - 1):
                r.bytes(16)
                r.tags()
            r.take("i")
            answer.parts.append(Part(topic, partition, code, high, r.bytes(r.uvarint() - 1)))
            r.tags()
        r.tags()
    r.tags()
    assert r.at == len(data)
    return answer


class FetchWire(Wire):
    """`client_id`: text, or bytes as they are. `correlation`: the number of every request, None: counted. `replica`: who
    it says it is."""

    def __init__(self, address, tls=None, client_id="by hand", correlation=None, replica=-1):
        super().__init__(address, tls)
        self.replica = replica
        self.client_id = client_id if isinstance(client_id, bytes) else client_id.encode()
        self.always = correlation

    def send_fetch(self, by_id, body):
        self.correlation = self.correlation + 1 if self.always is None else self.always
        head = struct.pack(">hhih", FETCH, 13 if by_id else 11, self.correlation, len(self.client_id)) + self.client_id
        message = head + (b"\0" if by_id else b"") + body
        self.waiting = by_id
        try:
            self.socket.sendall(struct.pack(">i", len(message)) + message)
        except OSError as error:
            raise Closed(str(error)) from None

    def answer_of_fetch(self):
        try:
            (size,) = struct.unpack(">i", self._read(4))
            if not 4 <= size <= ANSWER_MAX:
                raise Closed("no answer of Kafka's")
            data = self._read(size)
        except OSError as error:
            raise Closed(str(error)) from None
        assert data[:4] == struct.pack(">i", self.correlation)
        return (answer_by_id if self.waiting else answer_by_name)(data[4:])

    def begin(self, topics, session=0, epoch=-1, forgotten=(), wait_ms=0, min_bytes=0, max_bytes=1 << 20):
        """Sends a fetch of [(topic, [(partition, offset)])], topics by name or all by id, and doesn't wait."""
        by_id = any(isinstance(topic, bytes) for topic, _ in (*topics, *forgotten))
        body = (body_by_id if by_id else body_by_name)(topics, session, epoch, forgotten, wait_ms, min_bytes, max_bytes, self.replica)
        self.send_fetch(by_id, body)

    def read(self, *args, **kwargs):
        self.begin(*args, **kwargs)
        return self.answer_of_fetch()
