"""An independent recount of raw kafka-request.logs: the judge of the C code, so it shares nothing with it.

    recount.py [--now "yyyy-mm-dd HH:MM:SS"] FILE...     (plain or .gz, of any number of brokers) prints JSON rows

It reads everything into memory. The rules are the design's ("What is counted") and, for messages, the binding
text of the Kafka reference, 4.6, written as directly as they are said there; "fact 1" to "fact 5" are its numbers.
"""

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from logfile import FETCH, LINE, OFFSET_COMMIT, PRODUCE, TXN_OFFSET_COMMIT, Line, Topic, Topics, read_logs  # noqa: E402, F401

OFFSET_OUT_OF_RANGE = 1
TOLERANCE = timedelta(seconds=1)
DERIVED_AFTER = timedelta(hours=1)
REPLACED_WITHIN = timedelta(hours=24)
OPEN_MAX = 64
PRODUCE_WINDOW = timedelta(minutes=10)
SUCCESSOR, OUT_OF_RANGE, NEXT_THERE, OWN_WORD, DERIVED = 1, 2, 3, 4, 5
COUNTS = ("bytes", "messages", "fetches", "produced_bytes", "open_fetches")


def half_up(number):
    return (2 * number.numerator + number.denominator) // (2 * number.denominator)


def later(this, that, tolerance=timedelta(0)):
    """Whether the line `this` comes after `that`: in the order of a log; between brokers by time, 1 s tolerance."""
    if this.broker == that.broker and not tolerance:
        return this.number > that.number
    return this.number > that.number or this.clock >= that.clock - TOLERANCE


@dataclass(eq=False)
class Fetch:
    """A fetch of one partition that brought bytes."""

    line: Line
    account: "Account"
    chain: "Chain"
    size: int  # R
    start: int  # O; None where no line shows it
    watermark: int  # H
    fact: int = None  # which fact closed it
    messages: int = 0
    succeeded: bool = False  # its successor was seen
    sought: bool = False  # and it was a seek: 5 holds at once, and no word of the client
    word: int = None  # fact 4: the largest offset of the client's own word
    tried: bool = False  # it was due before, and nothing was known to derive it from
    word_over: bool = False  # that client has started anew
    figure: Fraction = None  # what it was derived from, once it was

    @property
    def client(self):
        return self.line.client_id, self.line.client_address

    @property
    def firmly_closed(self):
        return self.fact in (SUCCESSOR, OUT_OF_RANGE, NEXT_THERE)

    def replaceable(self, line):
        return line.clock - self.line.clock <= REPLACED_WITHIN


@dataclass(eq=False)
class Account:
    """One principal and topic."""

    principal: str
    topic: Topic
    bytes: int = 0
    fetches: int = 0
    fresh_bytes: int = 0
    replay_bytes: int = 0
    produced_bytes: int = 0
    produced_messages: int = 0
    produced_open: int = 0  # batches whose end isn't known
    closed_bytes: int = 0  # of fetches that facts 1-3 closed
    closed_messages: int = 0
    places: dict = field(default_factory=dict)  # partition -> Place


@dataclass(eq=False)
class Batch:
    """What a producer appended with one request to one partition."""

    line: Line
    account: Account
    partition: int
    size: int
    base: int  # None with acks=0


def distances(batches):
    """(batch, messages) of those of one partition whose end the next one tells, whoever produced it."""
    batches = sorted(batches, key=lambda batch: batch.base)
    return [(batch, after.base - batch.base) for batch, after in zip(batches, batches[1:])]


@dataclass(eq=False)
class Start:
    line: Line
    chain: "Chain"
    offset: int  # S
    watermark: int  # of its own answer; None without one
    error: bool = False  # an answer with error 1: fact 2, else 3
    used: bool = False


@dataclass(eq=False)
class Word:
    line: Line
    offset: int
    any_client_id: bool


@dataclass(eq=False)
class Place:
    """One principal and partition."""

    fetches: list = field(default_factory=list)
    starts: list = field(default_factory=list)  # of the last second
    highest: int = None  # the highest end by facts 1-3


@dataclass(eq=False)
class Run:
    last: Fetch = None  # the latest fetch that brought bytes


@dataclass(eq=False)
class Chain:
    runs: dict = field(default_factory=dict)  # (topic, partition) -> Run
    offsets: dict = field(default_factory=dict)  # (topic, partition) -> what an incremental fetch asks for without saying
    seen: set = field(default_factory=set)  # (topic, partition) asked for before
    after_error: set = field(default_factory=set)  # (topic, partition) whose next start is a reset


@dataclass
class Request:
    """A FETCH line, taken apart."""

    line: Line
    full: bool
    named: dict  # (topic, partition) -> offset
    forgotten: list
    answers: dict  # (topic, partition) -> answer


class Recount:
    def __init__(self, paths, now=None):
        self.lines = [line for line in read_logs(paths)]
        self.topics = Topics(self.lines)
        self.now = now
        self.accounts = {}  # (principal, topic) -> Account
        self.chains = {}
        self.pending = defaultdict(list)  # principal -> fetches that fact 5 has still to look at
        self.words = defaultdict(list)  # (principal, (topic, partition)) -> words of the last second
        self.produced = defaultdict(list)  # topic -> batches, in the order of the logs
        self.at = 0  # the line that the recount has got to

    def account(self, principal, topic):
        if (principal, topic) not in self.accounts:
            self.accounts[principal, topic] = Account(principal, topic)
        return self.accounts[principal, topic]

    def run(self):
        lines = [line for line in self.lines if not line.body.get("isForwarded")]
        self.produce_all([line for line in lines if line.api == PRODUCE])
        for line in lines:
            for principal in list(self.pending):  # an hour passes by anybody's lines
                self.derive_due(principal, line.clock, again=principal == line.principal and line.api != PRODUCE)
            self.at = line.number
            if line.api == FETCH:
                self.fetch(line)
            elif line.api in (OFFSET_COMMIT, TXN_OFFSET_COMMIT):
                self.commit(line)
        self.at = len(self.lines)
        now = self.now or max((line.time for line in self.lines), default=None)
        for principal in self.pending:
            self.derive_due(principal, now)
        for account in self.accounts.values():
            for place in account.places.values():
                for fetch in place.fetches:
                    self.weigh(fetch)
        return self

    # --- a FETCH line ------------------------------------------------------------------------------------------------
    def parts(self, line, topics, number, value):
        return {(self.topics.of(line, topic), part[number]): value(part) for topic in topics for part in topic["partitions"]}

    def fetch(self, line):
        request, response = line.request, line.response
        if not response or response.get("errorCode"):
            return
        answers = self.parts(line, response["responses"], "partitionIndex", dict)
        if not request:  # the logger was switched on in between: no line shows the offsets
            self.count_line(line, answers)
            for place, answer in answers.items():
                if not answer["errorCode"] and answer.get("recordsSizeInBytes"):
                    self.open(line, None, place, None, answer)
            return
        if request.get("replicaId", -1) >= 0 or request.get("replicaState", {}).get("replicaId", -1) >= 0:
            return
        self.count_line(line, answers)
        session, epoch = request.get("sessionId", 0), request.get("sessionEpoch", -1)
        forgotten = [
            (self.topics.of(line, topic), partition) for topic in request.get("forgottenTopicsData", []) for partition in topic["partitions"]
        ]
        named = self.parts(line, request["topics"], "partition", lambda part: part["fetchOffset"])
        asked = Request(line, not (session and epoch > 0), named, forgotten, answers)
        of_session = line.broker, line.principal, "session", session
        if session and epoch > 0:
            self.follow(self.chains.setdefault(of_session, Chain()), asked)
            return
        if session and epoch < 0:  # the session's last
            self.follow(self.chains.setdefault(of_session, Chain()), asked)
            del self.chains[of_session]
            return
        if session:  # closed, and opened anew: still a successor in the old one
            self.close_old(self.chains.pop(of_session, Chain()), asked)
        granted = response.get("sessionId", 0)
        if granted:
            chain = self.chains[line.broker, line.principal, "session", granted] = Chain()
        else:
            chain = self.chains.setdefault((line.broker, line.principal, "connection", line.body["connection"]), Chain())
        self.follow(chain, asked)

    def count_line(self, line, answers):
        topics = set()
        for (topic, _), answer in answers.items():
            if not answer["errorCode"] and answer.get("recordsSizeInBytes"):
                self.account(line.principal, topic).bytes += answer["recordsSizeInBytes"]
                topics.add(topic)
        for topic in topics:
            self.account(line.principal, topic).fetches += 1

    def close_old(self, chain, asked):
        """Given up is a session that was broken off. Whom the client has asked since, and where that closed a fetch, no
        log of this session knows: so it is a successor to what is open alone."""
        for place, offset in asked.named.items():
            run = chain.runs.get(place)
            answer = asked.answers.get(place)
            if run and run.last and not run.last.firmly_closed and (answer is None or not answer["errorCode"]):
                self.succeed(run, asked.line, offset, answer)

    def follow(self, chain, asked):
        """The line as the next request of a chain."""
        if asked.full:
            for place in [place for place in chain.runs if place not in asked.named]:
                del chain.runs[place]
            chain.offsets = {place: offset for place, offset in chain.offsets.items() if place in asked.named}
        for place, offset in asked.named.items():
            self.request(chain, asked, place, offset, asked.answers.get(place))
        for place, answer in asked.answers.items():
            if place not in asked.named:
                if answer["errorCode"] == OFFSET_OUT_OF_RANGE:
                    chain.runs.pop(place, None)
                    chain.after_error.add(place)
                elif not answer["errorCode"] and answer.get("recordsSizeInBytes"):
                    self.request(chain, asked, place, chain.offsets.get(place), answer)
        for place in asked.forgotten:
            chain.runs.pop(place, None)
            chain.offsets.pop(place, None)

    def request(self, chain, asked, place, offset, answer):
        """A request of one partition."""
        line = asked.line
        error = answer["errorCode"] if answer else 0
        if error == OFFSET_OUT_OF_RANGE:
            chain.offsets[place] = offset
            self.out_of_range(chain, line, place, offset)
            return
        if error:
            if self.has_state(line.principal, place):  # a refused part creates none
                chain.offsets[place] = offset
                self.add_word(line, place, Word(line, offset, any_client_id=False))
            return
        run = chain.runs.get(place)
        if answer is None and asked.full and not self.has_state(line.principal, place):
            return  # neither answered (the request was throttled) nor known
        chain.offsets[place] = offset
        size = (answer and answer.get("recordsSizeInBytes")) or 0
        if offset is None:
            chain.runs.setdefault(place, Run())
            self.open(line, chain, place, None, answer)
            return
        if run and run.last and offset <= run.last.start and size:
            run = None  # back, with bytes: the run is over
        if run is None:
            run = chain.runs[place] = Run()
            self.start(chain, line, place, offset, answer)
        else:
            self.succeed(run, line, offset, answer)
        if size:
            run.last = self.open(line, chain, place, offset, answer)

    # --- the facts ---------------------------------------------------------------------------------------------------
    def place(self, principal, place):
        return self.account(principal, place[0]).places.setdefault(place[1], Place())

    def has_state(self, principal, place):
        account = self.accounts.get((principal, place[0]))
        return account is not None and place[1] in account.places

    def expected(self, fetch):
        """D, None while unknown."""
        account = fetch.account
        return Fraction(fetch.size * account.closed_messages, account.closed_bytes) if account.closed_bytes else None

    def estimate(self, fetch):
        """What fact 5 gives, before rounding; None where nothing is known."""
        expected = self.expected(fetch)
        if expected is not None:
            return expected
        days = [counts for _, counts in sorted(self.produced_days(fetch.account.topic).items()) if all(counts)]
        return Fraction(fetch.size * days[-1][1], days[-1][0]) if days else None

    def produced_days(self, topic):
        """{day: (bytes, messages)} of the lines up to this one."""
        days = defaultdict(lambda: [0, 0])
        partitions = defaultdict(list)
        for batch in self.produced[topic]:
            if batch.line.number <= self.at:
                days[batch.line.time.date()][0] += batch.size
                if batch.base is not None:
                    partitions[batch.partition].append(batch)
        for batches in partitions.values():
            for batch, messages in distances(batches):
                days[batch.line.time.date()][1] += messages
        return days

    def inside(self, fetch, messages):
        """The bound of fact 1: not above R, or not above 4 D."""
        expected = self.expected(fetch)
        return messages <= fetch.size or (expected is not None and messages <= 4 * expected)

    def succeed(self, run, line, offset, answer):
        """Fact 1."""
        fetch = run.last
        if fetch is None or fetch.succeeded or offset <= fetch.start:
            return
        fetch.succeeded = True
        watermark = max(fetch.watermark, answer["highWatermark"] if answer else fetch.watermark)
        messages = max(0, min(offset, watermark) - fetch.start)
        if self.inside(fetch, messages):
            self.close(fetch, SUCCESSOR, messages, line)
        elif not fetch.firmly_closed:
            fetch.sought = True
            self.derive(fetch)

    def out_of_range(self, chain, line, place, offset):
        """Fact 2."""
        run = chain.runs.pop(place, None)
        if run:
            fetch = run.last
            if fetch and not fetch.succeeded and fetch.start < offset <= fetch.watermark:
                fetch.succeeded = True
                self.close(fetch, OUT_OF_RANGE, offset - fetch.start, line)
        elif place not in chain.seen:
            self.word_ends(line, place)
            self.begin(place, Start(line, chain, offset, None, error=True))
        chain.seen.add(place)
        chain.after_error.add(place)

    def start(self, chain, line, place, offset, answer):
        """Fact 3, first half."""
        chain.seen.add(place)
        self.word_ends(line, place)
        if place in chain.after_error:
            chain.after_error.discard(place)  # a reset closes nothing
        else:
            self.begin(place, Start(line, chain, offset, answer["highWatermark"] if answer else None))

    def word_ends(self, line, place):
        """Its client has started anew: it says no more about what it had."""
        for fetch in self.place(line.principal, place).fetches:
            if fetch.client == (line.client_id, line.client_address):
                fetch.word_over = True

    def begin(self, place, start):
        there = self.place(start.line.principal, place)
        there.starts = [known for known in there.starts if start.line.clock - known.line.clock <= TOLERANCE] + [start]
        fitting = [fetch for fetch in there.fetches if self.fits(start, fetch)]
        if fitting:
            self.use(start, fitting[-1])

    def use(self, start, fetch):
        start.used = True
        self.close(fetch, OUT_OF_RANGE if start.error else NEXT_THERE, start.offset - fetch.start, start.line)

    def fits(self, start, fetch):
        """Whether a start (or a first request answered with error 1) closes the fetch."""
        if start.used or fetch.start is None or fetch.firmly_closed or not fetch.replaceable(start.line) or not later(start.line, fetch.line):
            return False
        if start.chain is fetch.chain:
            watermark = max(fetch.watermark, fetch.watermark if start.watermark is None else start.watermark)
            return fetch.start < start.offset <= watermark and self.inside(fetch, start.offset - fetch.start)
        if not fetch.start < start.offset <= fetch.watermark:
            return False
        expected = self.expected(fetch)
        return start.error or start.offset - fetch.start <= (fetch.size if expected is None else 4 * expected)

    def read_again(self, fetch, line):
        """Fact 3, second half: what this fetch, closed, has read again."""
        end = fetch.start + fetch.messages
        for before in fetch.account.places[self.partition(fetch)].fetches:
            self.close_if_read_again(before, fetch, end, line)

    def close_if_read_again(self, before, fetch, end, line):
        """`line` closed the fetch that may have read again."""
        if (
            before is not fetch
            and before.start is not None
            and not before.firmly_closed
            and before.replaceable(line)
            and fetch.start <= before.start < end
            and later(fetch.line, before.line)
        ):
            self.close(before, NEXT_THERE, self.word(before) or 0, line, read_again=True)

    @staticmethod
    def partition(fetch):
        return next(number for number, place in fetch.account.places.items() if fetch in place.fetches)

    def word(self, fetch):
        """Fact 4: messages by the client's own word, None without one that holds."""
        if fetch.word is None or fetch.sought:
            return None
        figure = self.estimate(fetch) if fetch.figure is None else fetch.figure
        messages = fetch.word - fetch.start
        return messages if figure is None or 2 * messages >= figure else None

    def add_word(self, line, place, word):
        words = self.words[line.principal, place]
        words[:] = [known for known in words if line.clock - known.line.clock <= TOLERANCE] + [word]
        if self.has_state(line.principal, place):
            for fetch in self.place(line.principal, place).fetches:
                self.say(fetch, word)

    def say(self, fetch, word):
        if (
            fetch.start is not None
            and not fetch.firmly_closed
            and not fetch.word_over
            and fetch.replaceable(word.line)
            and fetch.start < word.offset <= fetch.watermark
            and fetch.line.client_address == word.line.client_address
            and (word.any_client_id or fetch.line.client_id == word.line.client_id)
            and later(word.line, fetch.line, TOLERANCE)
        ):
            fetch.word = max(word.offset, fetch.word or 0)
            self.weigh(fetch)

    def open(self, line, chain, place, offset, answer):
        """A fetch that brought bytes; what came just before it on another broker, or as a word, may be about it."""
        account, there = self.account(line.principal, place[0]), self.place(line.principal, place)
        size = answer["recordsSizeInBytes"]
        fetch = Fetch(line, account, chain, size, offset, answer["highWatermark"])
        if offset is None or there.highest is None or offset >= there.highest:
            account.fresh_bytes += size
        else:
            account.replay_bytes += size
        there.fetches.append(fetch)
        self.pending[line.principal].append(fetch)
        if offset is not None:
            for start in there.starts:
                if start.line.broker != line.broker and self.fits(start, fetch):
                    self.use(start, fetch)
                    break
            for word in self.words[line.principal, place]:
                self.say(fetch, word)
            for other in there.fetches:
                if other.firmly_closed and other.messages and other.line.broker != line.broker:
                    self.close_if_read_again(fetch, other, other.start + other.messages, other.line)
        unclosed = [known for known in there.fetches if known.fact is None and known.replaceable(line)]
        if len(unclosed) > OPEN_MAX:
            self.derive(unclosed[0])
        return fetch

    def close(self, fetch, fact, messages, line, read_again=False):
        """By facts 1-3. A stronger one replaces a weaker one by difference."""
        if (fetch.fact is not None and fetch.fact <= fact) or not fetch.replaceable(line):
            return
        account = fetch.account
        account.closed_messages += messages - (fetch.messages if fetch.firmly_closed else 0)
        account.closed_bytes += 0 if fetch.firmly_closed else fetch.size
        fetch.fact, fetch.messages = fact, messages
        there = account.places[self.partition(fetch)]
        if not read_again:
            there.highest = max(fetch.start + messages, fetch.start if there.highest is None else there.highest)
        if messages:
            self.read_again(fetch, line)

    def weigh(self, fetch):
        """Fact 4 against fact 5."""
        if fetch.firmly_closed:
            return
        word = self.word(fetch) if fetch.start is not None else None
        if word is not None:
            fetch.fact, fetch.messages = OWN_WORD, word
        elif fetch.figure is not None:
            fetch.fact, fetch.messages = DERIVED, max(1, half_up(fetch.figure))
        else:
            fetch.fact, fetch.messages = None, 0

    def derive(self, fetch):
        """Fact 5."""
        fetch.tried = True
        if fetch.figure is None:
            fetch.figure = self.estimate(fetch)
        self.weigh(fetch)

    def derive_due(self, principal, now, again=True):
        """What is due. `again`: also what was due before, when nothing was known of the topic."""
        waiting = []
        for fetch in self.pending[principal]:
            due = fetch.sought or now - fetch.line.clock >= DERIVED_AFTER
            if fetch.tried and now - fetch.line.clock > REPLACED_WITHIN:
                continue  # nothing is done about it after a day
            if due and not fetch.firmly_closed and (again or not fetch.tried):
                self.derive(fetch)
            if not fetch.firmly_closed and fetch.figure is None:
                waiting.append(fetch)
        self.pending[principal] = waiting

    # --- PRODUCE and commits -----------------------------------------------------------------------------------------
    def produce_all(self, lines):
        partitions = defaultdict(list)
        known = {}  # (topic, partition, base offset) -> time
        for line in lines:
            for topic, partition, size, base in self.appended(line):
                place = topic, partition, base
                if base is not None:
                    if place in known and line.clock - known[place] <= PRODUCE_WINDOW:
                        continue
                    known[place] = line.clock
                batch = Batch(line, self.account(line.principal, topic), partition, size, base)
                batch.account.produced_bytes += size
                self.produced[topic].append(batch)
                if base is not None:
                    partitions[topic, partition].append(batch)
        for batches in partitions.values():
            for batch, messages in distances(batches):
                batch.account.produced_messages += messages
            max(batches, key=lambda batch: batch.base).account.produced_open += 1

    def appended(self, line):
        """(topic, partition, bytes, base offset or None) of each batch that the broker took."""
        request, response = line.request, line.response
        if not request or (not response and request["acks"] != 0):
            return
        answers = {}
        for topic in response["responses"] if response else []:
            for part in topic["partitionResponses"]:
                answers[self.topics.of(line, topic), part["index"]] = part
        for topic in request["topicData"]:
            which = self.topics.of(line, topic)
            for part in topic["partitionData"]:
                answer = answers.get((which, part["index"]))
                if response and (answer is None or answer["errorCode"]):
                    continue
                base = answer["baseOffset"] if answer and answer["baseOffset"] >= 0 else None
                yield which, part["index"], part.get("recordsSizeInBytes") or 0, base

    def commit(self, line):
        request, response = line.request, line.response
        if not request or not response:
            return
        errors = self.parts(line, response["topics"], "partitionIndex", lambda part: part["errorCode"])
        for place, offset in self.parts(line, request["topics"], "partitionIndex", lambda part: part["committedOffset"]).items():
            if errors.get(place) == 0:
                self.add_word(line, place, Word(line, offset, line.api == TXN_OFFSET_COMMIT))

    # --- results -----------------------------------------------------------------------------------------------------
    def rows(self):
        """Per principal and name of topic: all figures."""
        rows = defaultdict(lambda: defaultdict(int))
        for account in self.accounts.values():
            row = rows[account.principal, account.topic.shown]
            fetches = [fetch for place in account.places.values() for fetch in place.fetches]
            row["bytes"] += account.bytes
            row["messages"] += sum(fetch.messages for fetch in fetches)
            row["fetches"] += account.fetches
            row["produced_bytes"] += account.produced_bytes
            row["open_fetches"] += sum(fetch.fact is None for fetch in fetches)
            row["derived_fetches"] += sum(fetch.fact == DERIVED for fetch in fetches)
            row["derived_messages"] += sum(fetch.messages for fetch in fetches if fetch.fact == DERIVED)
            row["fresh_bytes"] += account.fresh_bytes
            row["replay_bytes"] += account.replay_bytes
            row["produced_messages"] += account.produced_messages
            row["produced_open"] += account.produced_open
        return [
            {"principal": principal, "topic": topic, **row} for (principal, topic), row in sorted(rows.items()) if any(row.values())
        ]


def recount_fully(paths, now=None):
    """All figures, also those that have no column in `weirctl recount`."""
    return Recount(paths, now).run().rows()


def recount(paths, now=None):
    """Rows with principal, topic and COUNTS."""
    return [{name: row[name] for name in ("principal", "topic", *COUNTS)} for row in recount_fully(paths, now)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Adds up raw kafka-request.logs.")
    parser.add_argument("--now", type=datetime.fromisoformat, help="the clock of fact 5 (UTC); the newest time in the files if not given")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    json.dump(recount_fully(arguments.files, arguments.now), sys.stdout, indent=1)
    print()
