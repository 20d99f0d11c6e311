"""The lines of raw request logs, in order, and which topic a name meant when a line was written.

Shares nothing with the C code: it is read by its judge (recount.py).
"""

import gzip
import heapq
import json
import re
from dataclasses import dataclass
from datetime import datetime

HEAD = r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})\] [A-Z]+ Completed request:"
LINE = re.compile(HEAD + r"(\{.*\}) \(\S+\)$")
TORN = re.compile(r".*(?=" + HEAD + r"\{)")  # greedy: up to the last beginning of a line
ZERO_ID = "A" * 22
PRODUCE, FETCH, METADATA, OFFSET_COMMIT, CREATE_TOPICS, DELETE_TOPICS, TXN_OFFSET_COMMIT = 0, 1, 3, 8, 19, 20, 28


@dataclass
class Line:
    time: datetime
    body: dict
    broker: int = 0
    clock: datetime = None  # the newest time of its broker's log so far: it never goes back
    number: int = 0  # place in the order of all logs

    @property
    def api(self):
        return self.body["requestHeader"]["requestApiKey"]

    @property
    def client_id(self):
        return self.body["requestHeader"]["clientId"] or ""  # none and an empty one are the same client's

    @property
    def principal(self):
        return self.body["principal"]

    @property
    def request(self):
        return self.body["request"] or None

    @property
    def response(self):
        return self.body["response"] or None

    @property
    def local_address(self):
        return self.body["connection"].split("-")[0]

    @property
    def client_address(self):
        return self.body["connection"].split("-")[1].rpartition(":")[0]


def read_file(path):
    """Its request lines. Other text is passed over; a line glued to a torn one is read from its own beginning."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for text in file:
            text = text.rstrip("\r\n")
            torn = TORN.match(text)
            found = LINE.match(text[torn.end() :] if torn else text)
            if not found:
                continue
            try:
                body = json.loads(found[2])
            except ValueError:
                continue
            if isinstance(body, dict) and "requestHeader" in body:
                yield Line(datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f"), body)


def read_logs(paths):
    """All lines of the files of any number of brokers: a broker's in the order of its log, between brokers by time.

    Files that name a common address of their own were written by one broker.
    """
    brokers = []  # [(addresses, files)]
    for lines in filter(None, (list(read_file(path)) for path in paths)):
        addresses, files = {line.local_address for line in lines}, [lines]
        for other in [known for known in brokers if known[0] & addresses]:
            brokers.remove(other)
            addresses |= other[0]
            files = other[1] + files
        brokers.append((addresses, files))
    logs = []
    for broker, (_, files) in enumerate(brokers):
        files.sort(key=lambda lines: lines[0].time)
        log = [line for lines in files for line in lines]
        clock = log[0].time
        for line in log:
            clock = max(clock, line.time)
            line.clock, line.broker = clock, broker
        logs.append(log)
    merged = list(heapq.merge(*logs, key=lambda line: line.clock))
    for number, line in enumerate(merged):
        line.number = number
    return merged


@dataclass(eq=False)
class Topic:
    """One life of a topic: made anew under its name it is another."""

    name: str = None
    id: str = None

    @property
    def shown(self):
        return self.name or self.id or ""


class Topics:
    """Which topic a line speaks of. All lines are read beforehand: an id learned later holds for earlier lines, too."""

    def __init__(self, lines):
        self.by_id = {}
        self.lives = {}  # name -> [(number of the line that began it, Topic)]
        for line in lines:
            if line.response and isinstance(line.response, dict):
                if line.api in (METADATA, CREATE_TOPICS):
                    for topic in line.response.get("topics", []):
                        if not topic["errorCode"] and topic.get("name"):
                            self.shown(line, topic["name"], self.id_of(topic), created=line.api == CREATE_TOPICS)
                elif line.api == DELETE_TOPICS:
                    for topic in line.response.get("responses", []):
                        if not topic["errorCode"]:
                            self.deleted(line, topic.get("name"), self.id_of(topic))

    @staticmethod
    def id_of(topic):
        return None if topic.get("topicId", ZERO_ID) == ZERO_ID else topic["topicId"]

    def begin(self, line, name, topic_id):
        topic = Topic(name, topic_id)
        lives = self.lives.setdefault(name, [])
        lives.append((line.number if lives else -1, topic))
        if topic_id:
            self.by_id[topic_id] = topic

    def shown(self, line, name, topic_id, created):
        if topic_id in self.by_id:
            return  # known, or an older life in a late answer
        if created:  # what came before under the name was another
            self.lives.setdefault(name, [(-1, Topic(name))])
        now = self.lives[name][-1][1] if name in self.lives else None
        if now and topic_id and now.id is None and not created:
            now.id = topic_id
            self.by_id[topic_id] = now
        elif now is None or topic_id or created:
            self.begin(line, name, topic_id)

    def deleted(self, line, name, topic_id):
        life = self.by_id.get(topic_id)
        if life:
            name = life.name
        elif name is None:
            return
        elif name not in self.lives:
            self.begin(line, name, topic_id)
            life = self.by_id.get(topic_id)
        now = self.lives[name][-1][1]
        if topic_id and life is not now:
            if now.id or life:
                return  # told before: a forwarded request has two lines
            now.id = topic_id
            self.by_id[topic_id] = now
        self.begin(line, name, None)

    def of(self, line, topic):
        """The topic that a part of this line names, by `topicId`, `topic` or `name`."""
        topic_id = topic.get("topicId")
        if topic_id is not None and topic_id != ZERO_ID:
            return self.by_id.setdefault(topic_id, Topic(None, topic_id))
        name = topic.get("topic") or topic.get("name") or ""
        lives = self.lives.setdefault(name, [(-1, Topic(name))])
        return next(life for began, life in reversed(lives) if began <= line.number)
