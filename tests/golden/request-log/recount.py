"""An independent recount of a raw kafka-request.log: the judge of the C code, so it shares nothing with it.

    recount.py FILE...        (plain or .gz, oldest first) prints JSON rows

It reads the whole file into memory and knows one broker. The rules are those of the design ("What is
counted"), written as directly as they are said there.
"""

import gzip
import json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

LINE = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\] [A-Z]+ Completed request:(\{.*\}) \(\S+\)$")
ZERO_ID = "A" * 22
FETCH, PRODUCE, METADATA, OFFSET_COMMIT, CREATE_TOPICS, TXN_OFFSET_COMMIT = 1, 0, 3, 8, 19, 28
OFFSET_OUT_OF_RANGE = 1
COMMIT_TOLERANCE = timedelta(seconds=1)
PRODUCE_WINDOW = timedelta(minutes=10)


@dataclass
class Line:
    number: int
    time: datetime
    body: dict

    @property
    def api(self):
        return self.body["requestHeader"]["requestApiKey"]

    @property
    def client_id(self):
        return self.body["requestHeader"]["clientId"]

    @property
    def principal(self):
        return self.body["principal"]

    @property
    def client_address(self):
        remote = self.body["connection"].split("-")[1]
        return remote.rpartition(":")[0]


@dataclass
class Fetch:
    """A fetch of one partition that brought bytes, not yet followed by another in its chain."""

    line: Line
    start: int
    high_watermark: int


@dataclass
class Start:
    """The first fetch of a partition in a chain."""

    line: Line
    offset: int


def read_lines(paths):
    number = 0
    for path in paths:
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as file:
            for text in file:
                found = LINE.match(text.rstrip("\n"))
                if found:
                    number += 1
                    time = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f")
                    yield Line(number, time, json.loads(found[2]))


def topic_names(lines):
    """Ids and names that METADATA and CREATE_TOPICS put side by side."""
    names = {}
    for line in lines:
        if line.api not in (METADATA, CREATE_TOPICS) or not line.body["response"]:
            continue
        for topic in line.body["response"].get("topics", []):
            if topic.get("topicId", ZERO_ID) != ZERO_ID and topic.get("name") and not topic["errorCode"]:
                names[topic["topicId"]] = topic["name"]
    return names


class Recount:
    def __init__(self, paths):
        self.lines = list(read_lines(paths))
        self.names = topic_names(self.lines)
        self.rows = defaultdict(lambda: {"bytes": 0, "messages": 0, "fetches": 0, "produced_bytes": 0, "open_fetches": 0})
        self.offsets = {}  # chain -> {(topic, partition): offset the next fetch asks for}
        self.unclosed = {}  # (chain, topic, partition) -> Fetch
        self.ended = []  # (principal, topic, partition, Fetch) whose chain is over
        self.started = set()  # (chain, topic, partition) that had their first fetch
        self.starts = defaultdict(list)  # (principal, topic, partition) -> [Start]
        self.commits = defaultdict(list)  # (principal, topic, partition) -> [(Line, offset)]
        self.batches = {}  # (topic, partition, base offset) -> time

    def name(self, topic):
        return topic.get("topic") or topic.get("name") or self.names.get(topic.get("topicId"), topic.get("topicId"))

    def row(self, line, topic):
        return self.rows[line.principal, topic]

    def run(self):
        for line in self.lines:
            if line.body["isForwarded"]:
                continue
            if line.api == FETCH:
                self.fetch(line)
            elif line.api == PRODUCE:
                self.produce(line)
            elif line.api in (OFFSET_COMMIT, TXN_OFFSET_COMMIT):
                self.commit(line)
        for (chain, topic, partition), fetch in self.unclosed.items():
            self.ended.append((chain[0], topic, partition, fetch))
        for principal, topic, partition, fetch in self.ended:
            self.close_last(principal, topic, partition, fetch)
        return [
            {"principal": principal, "topic": topic, **row}
            for (principal, topic), row in sorted(self.rows.items())
            if any(row.values())
        ]

    # --- FETCH ---------------------------------------------------------------------------------------
    def fetch(self, line):
        request, response = line.body["request"], line.body["response"]
        if not request or not response or response.get("errorCode"):
            return
        if request.get("replicaId", -1) >= 0 or request.get("replicaState", {}).get("replicaId", -1) >= 0:
            return
        answers = {
            (self.name(topic), part["partitionIndex"]): part for topic in response["responses"] for part in topic["partitions"]
        }
        named = {(self.name(topic), part["partition"]): part["fetchOffset"] for topic in request["topics"] for part in topic["partitions"]}
        # An offset outside the log is no place the client has read to; other refusals say nothing against it.
        asked = {place: offset for place, offset in named.items() if answers.get(place, {}).get("errorCode") != OFFSET_OUT_OF_RANGE}
        chain, offsets = self.chain_of(line, request, response, asked)
        offsets.update(named)
        for topic in request.get("forgottenTopicsData", []):
            for partition in topic["partitions"]:
                offsets.pop((self.name(topic), partition), None)
        # An incremental fetch is also one of the partitions it does not name; it shows where they bring bytes.
        for place, answer in answers.items():
            if place in offsets and answer.get("recordsSizeInBytes"):
                asked.setdefault(place, offsets[place])
        self.close_predecessors(line, chain, asked)
        topics_with_bytes = set()
        for place, answer in answers.items():
            size = answer.get("recordsSizeInBytes") or 0
            if answer["errorCode"] or not size:
                continue
            self.row(line, place[0])["bytes"] += size
            topics_with_bytes.add(place[0])
            if place in offsets:
                self.unclosed[(chain, *place)] = Fetch(line, offsets[place], answer["highWatermark"])
            else:
                self.row(line, place[0])["open_fetches"] += 1
        for name in topics_with_bytes:
            self.row(line, name)["fetches"] += 1

    def chain_of(self, line, request, response, asked):
        """The chain of a fetch, and what the fetch asks for before its own partitions are added."""
        session, epoch = request.get("sessionId", 0), request.get("sessionEpoch", -1)
        if session and epoch > 0:
            chain = line.principal, "session", session
            return chain, self.offsets.setdefault(chain, {})
        if session:
            # The session's last request still is a successor in it.
            ending = line.principal, "session", session
            self.close_predecessors(line, ending, {place: offset for place, offset in asked.items() if (ending, *place) in self.unclosed})
            self.end_chain(ending)
        granted = response.get("sessionId", 0)
        if granted:
            chain = line.principal, "session", granted
            self.end_chain(chain)
        else:
            chain = line.principal, "connection", line.body["connection"]
        if granted or chain not in self.offsets:
            self.offsets[chain] = {}
            self.started -= {key for key in self.started if key[0] == chain}
        else:
            self.offsets[chain].clear()
        return chain, self.offsets[chain]

    def end_chain(self, chain):
        self.offsets.pop(chain, None)
        for key in [key for key in self.unclosed if key[0] == chain]:
            self.ended.append((chain[0], key[1], key[2], self.unclosed.pop(key)))

    def close_predecessors(self, line, chain, asked):
        for (topic, partition), offset in asked.items():
            key = chain, topic, partition
            if key not in self.started:
                self.started.add(key)
                self.starts[line.principal, topic, partition].append(Start(line, offset))
            before = self.unclosed.pop(key, None)
            if before and offset > before.start:
                self.row(line, topic)["messages"] += offset - before.start

    def close_last(self, principal, topic, partition, fetch):
        """The last fetch of a chain: by the start of a later chain, else by a commit, else it is open."""
        row = self.rows[principal, topic]
        later = [start for start in self.starts[principal, topic, partition] if start.line.number > fetch.line.number]
        fitting = [start for start in later if fetch.start < start.offset <= fetch.high_watermark]
        same_client = [start for start in fitting if start.line.client_id == fetch.line.client_id]
        if fitting:
            row["messages"] += (same_client or fitting)[0].offset - fetch.start
            return
        next_of_client = min(
            (start.line.number for start in later if self.client(start.line) == self.client(fetch.line)), default=sys.maxsize
        )
        commits = [
            offset
            for line, offset in self.commits[principal, topic, partition]
            if self.client(line) == self.client(fetch.line)
            and line.time >= fetch.line.time - COMMIT_TOLERANCE
            and line.number < next_of_client
            and fetch.start < offset <= fetch.high_watermark
        ]
        if commits:
            row["messages"] += max(commits) - fetch.start
        else:
            row["open_fetches"] += 1

    @staticmethod
    def client(line):
        return line.client_id, line.client_address

    # --- PRODUCE and commits -------------------------------------------------------------------------
    def produce(self, line):
        request, response = line.body["request"], line.body["response"]
        if not request:
            return
        answers = {}
        for topic in response["responses"] if response else []:
            for part in topic["partitionResponses"]:
                answers[self.name(topic), part["index"]] = part
        for topic in request["topicData"]:
            name = self.name(topic)
            for part in topic["partitionData"]:
                answer = answers.get((name, part["index"]))
                if answer:
                    if answer["errorCode"]:
                        continue
                    batch = name, part["index"], answer["baseOffset"]
                    if batch in self.batches and line.time - self.batches[batch] <= PRODUCE_WINDOW:
                        continue
                    self.batches[batch] = line.time
                self.row(line, name)["produced_bytes"] += part.get("recordsSizeInBytes") or 0

    def commit(self, line):
        request, response = line.body["request"], line.body["response"]
        if not request or not response:
            return
        refused = {
            (self.name(topic), part["partitionIndex"])
            for topic in response["topics"]
            for part in topic["partitions"]
            if part["errorCode"]
        }
        for topic in request["topics"]:
            for part in topic["partitions"]:
                place = self.name(topic), part["partitionIndex"]
                if place not in refused:
                    self.commits[(line.principal, *place)].append((line, part["committedOffset"]))


def recount(paths):
    return Recount(paths).run()


if __name__ == "__main__":
    json.dump(recount(sys.argv[1:]), sys.stdout, indent=1)
    print()
