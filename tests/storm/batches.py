"""The record batches of a partition, from a broker's own segment files: what a fetch of so many bytes has brought.

It reads the heads of the batches alone (format v2), and shares nothing with Weir.
"""

import bisect
import struct
from dataclasses import dataclass

HEAD = struct.Struct(">qii b I h i")  # base offset, length, leader epoch, magic, crc, attributes, last offset delta


@dataclass
class Batch:
    first: int
    after: int
    size: int


class Batches:
    def __init__(self, folders):
        """`folders`: of all replicas; the one with most of it is read, for retention may have taken some of another's."""
        self.batches = max((self.read(folder) for folder in folders), key=len)
        self.firsts = [batch.first for batch in self.batches]

    @staticmethod
    def read(folder):
        batches = []
        for segment in sorted(folder.glob("*.log")):
            data = segment.read_bytes()
            at = 0
            while at + HEAD.size <= len(data):
                base, length, _, magic, _, _, delta = HEAD.unpack_from(data, at)
                if magic != 2 or length <= 0 or at + 12 + length > len(data):
                    break
                batches.append(Batch(base, base + delta + 1, 12 + length))
                at += 12 + length
        return batches

    def end_of(self, start, size):
        """The offset behind the last whole batch in `size` bytes from the batch that holds offset `start`; None if
        there is no such batch."""
        index = bisect.bisect_right(self.firsts, start) - 1
        if index < 0 or start >= self.batches[index].after:
            return None
        end = start
        while index < len(self.batches) and self.batches[index].size <= size:
            size -= self.batches[index].size
            end = self.batches[index].after
            index += 1
        return end
