"""Whether everybody agrees: the database, two recounts of the brokers' raw logs, and what the clients wrote down.

Usage against the recounts is plain equality. Against the clients it is this (4.6 of the Kafka reference), fetch by fetch:

- What a client was given of a fetch begins at the fetch's offset and has no gap.
- Of it at most that much is billed, from the fetch's offset on.
- If less is billed, the rest was *read again*: every offset of it is billed in a later fetch of the principal.
  (A client that is killed, sent back or loses a partition leaves such a tail; 4.6, 3 and 4.)
- Offsets that no line shows as sent came with an answer whose line a broker that was killed never wrote (*unlogged*):
  the client wrote them down between a second before the kill and the broker's return. They may be billed all the same,
  as the advance of the fetch before (*healed*). Or that fetch has lost its successor with the line and stays open, to
  be derived after an hour (*open*); no other may.

So: written down = billed + read again + open + (unlogged - healed), with each term known by its offsets.
"""

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta, timezone

from stack import BIN, ROOT

sys.path.insert(0, str(ROOT / "tests" / "golden" / "request-log"))
from recount import Recount  # noqa: E402

FIGURES = ("bytes", "messages", "fetches", "produced_bytes", "open_fetches")
CLOCK_SLACK = 5_000_000  # µs
OF_WEIR = ("User:weir-", "User:broker", "User:admin")


def of_clients(rows):
    """{(principal, topic): figures}, without what is nothing but zeros."""
    named = {(row["principal"], row["topic"]): {figure: row[figure] or 0 for figure in FIGURES} for row in rows}
    return {key: row for key, row in named.items() if any(row.values()) and not key[0].startswith(OF_WEIR)}


def by_python(logs, folder):
    """The independent recount. Weir's own lines and the followers' are most of a log, and left out beforehand."""
    own = tuple(f'"principal":"{name}'.encode() for name in OF_WEIR)
    folder.mkdir(exist_ok=True)
    files = []
    for number, log in enumerate(logs):
        files.append(folder / f"{number:05d}.log")
        with open(log, "rb") as whole, open(files[-1], "wb") as left:
            left.writelines(line for line in whole if not any(name in line for name in own))
    judge = Recount([file for file in files if file.stat().st_size])
    judge.run()
    return judge, of_clients(judge.rows())


def by_weirctl(logs):
    done = subprocess.run([BIN / "weirctl", "recount", "--format", "json", *logs], capture_output=True, text=True, timeout=600)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"weirctl recount failed ({done.returncode})\n{done.stderr}")
    document = json.loads(done.stdout)
    return of_clients(document if isinstance(document, list) else document["rows"]), done.stderr


def differences(name, this, other):
    return [
        f"{name}: {principal} {topic}: {this.get((principal, topic))} is not {other.get((principal, topic))}"
        for principal, topic in sorted(this.keys() | other.keys())
        if this.get((principal, topic)) != other.get((principal, topic))
    ]


# --- what the clients wrote down -------------------------------------------------------------------------------------
@dataclass(eq=False)
class Brought:
    """A fetch as the recount has it, and what its client was given of it."""

    life: str
    place: tuple
    start: int
    billed: int
    number: int  # in the order of the logs
    asked_at: float  # µs since 1970
    sent: int  # the offset behind what its bytes hold
    broker: int
    fact: int
    given: int = 0  # offsets from start on


@dataclass
class Sum:
    written: int = 0
    billed: int = 0
    again: int = 0
    unlogged: int = 0
    healed: int = 0
    open: int = 0
    application: int = 0
    complaints: list = field(default_factory=list)


def fetches_of(judge, batches):
    """{life: {place: [Brought]}}, in the order of the logs."""
    lives = defaultdict(lambda: defaultdict(list))
    for account in judge.accounts.values():
        for partition, place in account.places.items():
            for fetch in place.fetches:
                where = account.topic.shown, partition
                line = fetch.line
                at = line.time.replace(tzinfo=timezone.utc) - timedelta(milliseconds=line.body["totalTimeMs"] + 1)
                known = batches.get(where)
                lives[line.client_id][where].append(
                    Brought(line.client_id, where, fetch.start, fetch.messages, line.number, at.timestamp() * 1e6,
                            known.end_of(fetch.start, fetch.size) if known and fetch.start is not None else None, line.broker, fetch.fact)
                )  # fmt: skip
    for places in lives.values():
        for fetches in places.values():
            fetches.sort(key=lambda fetch: fetch.number)
    return lives


def share_out(entries, fetches, result, unlogged):
    """Says of each offset given of which fetch it came: one that holds it and whose next it is."""
    for entry in entries:
        offset = entry.first
        while offset < entry.after:
            source = source_of(fetches, offset, entry.at)
            if source is None:
                after = min([fetch.start for fetch in fetches if offset < fetch.start < entry.after], default=entry.after)
                result.unlogged += after - offset
                unlogged.append((entry.place, offset, after, entry.at))
            else:
                after = min([entry.after, source.sent] + [fetch.start for fetch in fetches if fetch.asked_at <= entry.at and offset < fetch.start])
                source.given = after - source.start
            offset = after


def source_of(fetches, offset, at):
    """The latest that was asked for by then. (A line says when it was written and how long it took. On a busy machine
    that makes some begin later than they did, so the earliest of the later ones will do.)"""
    holding = [fetch for fetch in fetches if fetch.sent is not None and fetch.start + fetch.given == offset < fetch.sent]
    by_then = [fetch for fetch in holding if fetch.asked_at <= at]
    return by_then[-1] if by_then else next((fetch for fetch in holding if fetch.asked_at <= at + CLOCK_SLACK), None)


def gaps(covered, first, after):
    """What of [first, after) no interval of `covered` holds."""
    for start, end in sorted(covered):
        if start > first and first < after:
            yield first, min(start, after)
        first = max(first, end)
    if first < after:
        yield first, after


def weigh(group, lives, broker_kills):
    """The balance of one principal."""
    result = Sum()
    unlogged = []
    every = defaultdict(list)  # place -> fetches of all lives
    for life in group.lives:
        given = group.given(life)
        result.application += sum(entry.after - entry.first for entry in given)
        taken = defaultdict(list)
        for entry in group.taken(life):
            taken[entry.place].append(entry)
            result.written += entry.after - entry.first
        check_application(life, given, taken, result)
        for place in taken.keys() | lives[life].keys():
            share_out(taken[place], lives[life][place], result, unlogged)
            every[place] += lives[life][place]
    lost = defaultdict(list)
    for place, first, after, _ in unlogged:
        lost[place].append((first, after))
    for place, fetches in every.items():
        fetches.sort(key=lambda fetch: fetch.number)
        for index, fetch in enumerate(fetches):
            balance(fetch, fetches[index + 1 :], lost[place], result)
    for place, first, after, at in unlogged:
        if not any(killed <= at <= back for killed, back in broker_kills):
            result.complaints.append(f"{group.name} {place}: [{first}, {after}) was given, and no line says that it was sent")
    if result.written != result.billed + result.again + result.open + result.unlogged - result.healed:
        result.complaints.append(f"{group.name}: the sum doesn't close: {result}")
    return result


def check_application(life, given, taken, result):
    """What is fetched ahead is queued first: the application can't be given what the client didn't take."""
    for place in {entry.place for entry in given}:
        held = [(entry.first, entry.after) for entry in taken[place]]
        for entry in given:
            if entry.place == place and not any(first <= entry.first and entry.after <= after for first, after in held):
                missing = list(gaps(held, entry.first, entry.after))
                if missing:
                    result.complaints.append(f"{life} {place}: the application was given {missing}, which the client never took")


def balance(fetch, later, lost, result):
    """`lost`: what the client wrote down there and no line shows."""
    result.billed += fetch.billed
    if fetch.start is None:
        result.complaints.append(f"{fetch.life} {fetch.place}: no line shows where a fetch began (line {fetch.number})")
        return
    given, billed = fetch.start + fetch.given, fetch.start + fetch.billed
    if billed > given:
        result.healed += billed - given
        if list(gaps(lost, given, billed)):
            result.complaints.append(f"{fetch.life} {fetch.place}: to {billed} is billed by fact {fetch.fact} of the fetch at {fetch.start}, to {given} was given")
    elif billed < given and fetch.fact is None and any(first == given for first, _ in lost):
        result.open += given - billed
    elif billed < given:
        result.again += given - billed
        others = [(other.start, other.start + other.billed) for other in later if other.start is not None and other.start < given]
        missing = list(gaps(others, billed, given))
        if missing:
            result.complaints.append(f"{fetch.life} {fetch.place}: {missing} of the fetch at {fetch.start} were given and never billed (fact {fetch.fact})")
