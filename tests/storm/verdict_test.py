"""The storm's judge of the clients' ledgers tells what is explained from what is wrong."""

import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "stack" / "support")]

import pytest  # noqa: E402
from batches import HEAD, Batches  # noqa: E402
from clients import Entry  # noqa: E402
from faults import row_of  # noqa: E402
from verdict import Brought, weigh  # noqa: E402

PLACE = ("ticks", 0)


class Ledgers:
    """A group whose lives wrote down [(at, first, after)]."""

    name = "reader"

    def __init__(self, **lives):
        self.lives = list(lives)
        self.written = lives

    def given(self, life):
        return [Entry(at, PLACE, first, after) for at, first, after in self.written[life]]

    taken = given


def brought(life, start, sent, billed, number, fact=1):
    return Brought(life, PLACE, start, billed, number, number * 10, sent, 0, fact)


def judged(group, *fetches, kills=()):
    lives = {life: {PLACE: [fetch for fetch in fetches if fetch.life == life]} for life in group.lives}
    return weigh(group, lives, kills)


def terms(result):
    return result.written, result.billed, result.again, result.open, result.unlogged, result.healed


def test_read_to_the_end__written_is_billed():
    result = judged(Ledgers(a=[(15, 0, 10), (25, 10, 15)]), brought("a", 0, 10, 10, 1), brought("a", 10, 15, 5, 2))
    assert terms(result) == (15, 15, 0, 0, 0, 0) and not result.complaints


def test_killed_before_it_committed__its_tail_is_read_again():
    ledgers = Ledgers(a=[(15, 0, 10)], b=[(35, 4, 12)])
    result = judged(ledgers, brought("a", 0, 10, 4, 1, fact=3), brought("b", 4, 12, 8, 3))
    assert terms(result) == (18, 12, 6, 0, 0, 0) and not result.complaints


def test_tail_that_nobody_read_again__is_wrong():
    result = judged(Ledgers(a=[(15, 0, 10)]), brought("a", 0, 10, 4, 1, fact=3))
    assert "never billed" in result.complaints[0]


def test_sent_back__both_readings_count():
    ledgers = Ledgers(a=[(15, 0, 10), (25, 3, 10)])
    result = judged(ledgers, brought("a", 0, 10, 3, 1, fact=3), brought("a", 3, 10, 7, 2))
    assert terms(result) == (17, 10, 7, 0, 0, 0) and not result.complaints


def test_billed_more_than_given__is_wrong():
    result = judged(Ledgers(a=[(15, 0, 10)]), brought("a", 0, 10, 11, 1))
    assert "to 11 is billed" in result.complaints[0]


@pytest.mark.parametrize(("billed", "fact", "expected"), [(15, 1, (15, 15, 0, 0, 5, 5)), (0, None, (15, 0, 0, 10, 5, 0))])
def test_line_lost_with_its_broker__is_healed_or_left_open(billed, fact, expected):
    result = judged(Ledgers(a=[(15, 0, 15)]), brought("a", 0, 10, billed, 1, fact), kills=[(5, 20)])
    assert terms(result) == expected and not result.complaints


def test_line_lost_without_a_kill__is_wrong():
    result = judged(Ledgers(a=[(15, 0, 15)]), brought("a", 0, 10, 15, 1), kills=[(16, 20)])
    assert "no line says that it was sent" in result.complaints[0]


def test_open_though_its_next_line_stands__is_wrong():
    result = judged(Ledgers(a=[(15, 0, 10)]), brought("a", 0, 10, 0, 1, fact=None), kills=[(5, 20)])
    assert "never billed" in result.complaints[0]


def test_batches__what_so_many_bytes_hold(tmp_path):
    def batch(base, count, size):
        return HEAD.pack(base, size - 12, 0, 2, 0, 0, count - 1) + bytes(size - HEAD.size)

    (tmp_path / f"{0:020}.log").write_bytes(batch(0, 5, 100) + batch(5, 3, 80) + struct.pack(">qi", 8, 500))
    batches = Batches([tmp_path])
    assert [batches.end_of(0, size) for size in (99, 100, 179, 180)] == [0, 5, 5, 8]
    assert batches.end_of(6, 80) == 8 and batches.end_of(8, 80) is None


def test_same_seed__same_row_of_faults():
    row = row_of(7, 40, 500)
    assert row == row_of(7, 40, 500) != row_of(8, 40, 500)
    assert sum(len(fault.victims) for fault in row) == 40
    assert {kind for fault in row for kind, _ in fault.victims} == {"meter", "tap", "postgres", "broker"}
    assert all(len({kind for kind, _ in fault.victims}) == len(fault.victims) for fault in row)
