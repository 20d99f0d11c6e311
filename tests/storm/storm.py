"""The storm: everything is killed in random order while data flows, and in the end every figure must agree.

    build/venv/bin/python tests/storm/storm.py [--seed N] [--kills N]       (make storm SEED=… KILLS=…)

tests/README.md says what runs, what is killed, and what must agree.
"""

import argparse
import contextlib
import random
import re
import shutil
import signal
import sys
import time
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "stack" / "support")]

import verdict  # noqa: E402
from batches import Batches  # noqa: E402
from brokers import NODES, Brokers  # noqa: E402
from clients import Producing, all_groups, build  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from faults import row_of  # noqa: E402
from stack import PORT_SETTINGS, Stack, free_ports, open_folder, wait_for  # noqa: E402
from weir import LOG_PARTITIONS, METERS, Weir  # noqa: E402

TOPICS = {"storm.ticks": (6, "none"), "storm.trades": (3, "lz4")}  # name: partitions, compression
PRODUCER = "storm-producer"
RATE = 500  # records a second
ROTATE_SECONDS = 12
PLACES = [(topic, partition) for topic, (partitions, _) in TOPICS.items() for partition in range(partitions)]
FETCH_LINE = re.compile(r'^\[(\S+ \S+)\] .*?"clientId":"([^"]+)","requestApiKeyName":"FETCH".*"totalTimeMs":([\d.E-]+)')


def utc(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=timezone.utc)


class Storm:
    def __init__(self, stack, seed, kills, say):
        self.stack, self.seed, self.kills, self.say = stack, seed, kills, say
        self.began = time.monotonic()
        self.row = row_of(seed, kills, RATE)
        groups, missing = all_groups()
        for what in missing:
            self.say(f"left out: {what}")
        ports = free_ports(len(PORT_SETTINGS) + 3 * len(NODES) + len(NODES) + METERS)[len(PORT_SETTINGS) :]
        (stack.folder / "log").mkdir()
        self.brokers = Brokers(stack.folder, ports, [PRODUCER, *groups], ROTATE_SECONDS)
        self.stack.script("postgres", "up")
        self.weir = Weir(stack, self.brokers, ports[3 * len(NODES) :])
        ledgers = stack.folder / "ledgers"
        ledgers.mkdir()
        self.groups = [kind(name, self.brokers, ledgers, list(TOPICS)) for name, kind in groups.items()]
        self.broker_kills = []  # (µs, µs): from the kill to its being back
        self.moved = 0

    # --- before ------------------------------------------------------------------------------------------------------
    def start(self):
        self.brokers.start()
        self.brokers.allow(PRODUCER, "TOPIC", "storm.", "WRITE")
        for group in self.groups:
            self.brokers.allow(group.name, "TOPIC", "storm.", "READ")
            self.brokers.allow(group.name, "GROUP", f"{group.name}.", "READ")
        for topic, (partitions, _) in TOPICS.items():
            self.brokers.create_topic(topic, partitions, min_insync_replicas=2)
        self.weir.prepare()
        self.brokers.wait_whole()
        self.weir.start()
        for group in self.groups:
            self.say(f"reads: {group.name}: {group.title}")
            group.start_all()
        self.producing = Producing(self.brokers, PRODUCER, TOPICS, random.Random(self.seed), RATE)
        self.flow(RATE)
        wait_for(lambda: all(group.ends() for group in self.groups), "every group to read", 120, every=0.2)

    def flow(self, records):
        """While that many more records are acknowledged."""
        goal = self.producing.acknowledged + records
        wait_for(lambda: self.producing.acknowledged >= goal, f"{records} more records to be acknowledged", 180)

    # --- the storm ---------------------------------------------------------------------------------------------------
    def rage(self):
        killed = 0
        for number, fault in enumerate(self.row, 1):
            self.flow(fault.records)
            self.strike(fault)
            killed += len(fault.victims)
            self.say(f"{number}/{len(self.row)} {fault}; {killed} kills, {self.producing.acknowledged} records")

    def strike(self, fault):
        group = self.groups[fault.group % len(self.groups)]
        obeying = [known for known in self.groups if known.takes_back]
        match fault.kind:
            case "killed":
                self.kill(fault)
            case "reader killed":
                group.members[fault.member].kill()
                group.start(fault.member)
            case "reader closed":
                group.close(fault.member)
                group.start(fault.member)
            case "back":
                obeying[fault.group % len(obeying)].members[fault.member].tell("back 300")
            case "meter stopped":
                self.stop_meter(1 + fault.group % METERS)
            case "leaders moved":
                self.move_leaders()
            case "leaders back":
                self.brokers.elect()
            case "beginning cut":
                self.cut_beginning(group)
            case "broker restarted":
                node = 1 + fault.group % len(NODES)
                self.brokers.nodes[node].stop(90)
                self.brokers.restart(node)

    def kill(self, fault):
        died = {}
        for victim in fault.victims:
            died[victim] = time.time_ns() // 1000
            kind, number = victim
            self.weir.kill_postgres() if kind == "postgres" else self.process(kind, number).kill()
        if fault.lying:
            self.flow(fault.lying)
        for kind, number in reversed(fault.victims):
            if kind == "postgres":
                self.weir.start_postgres()
            elif kind == "broker":
                self.brokers.restart(number)
                self.broker_kills.append((died[kind, number] - 1_000_000, time.time_ns() // 1000))
            else:
                self.process(kind, number).start()

    def process(self, kind, number):
        return {"meter": self.weir.meters, "tap": self.weir.taps, "broker": self.brokers.nodes}[kind][number]

    def stop_meter(self, number):
        """It stands still until the others have its partitions; then it wakes up as a zombie."""
        others = [f"meter-{other}" for other in self.weir.meters if other != number]
        self.weir.meters[number].pause()
        wait_for(
            lambda: sum(self.weir.metric(name, "weir_meter_partitions") or 0 for name in others) == LOG_PARTITIONS,
            "the other meters to have all partitions", 120,
        )  # fmt: skip
        self.weir.meters[number].resume()

    def move_leaders(self):
        """There the first time, back the second."""
        self.moved = 1 - self.moved
        first = {
            (topic, partition): [NODES[(partition + self.moved + i) % len(NODES)] for i in range(len(NODES))] for topic, partition in PLACES
        }
        refused = self.brokers.order_replicas(first)
        if refused:
            raise RuntimeError(f"Kafka refuses to move the leaders: error {refused}")
        self.brokers.elect()

    def cut_beginning(self, group):
        """A group stands still; what it hasn't read of a topic is deleted; so it asks out of range and is reset."""
        for process in group.members.values():
            process.pause()
        self.flow(RATE)
        topic = list(TOPICS)[-1]
        places = [TopicPartition(topic, partition, -1) for partition in range(TOPICS[topic][0])]
        errors = []

        def deleted():
            errors.append(self.brokers.delete_records(places))
            return errors[-1] is None

        try:
            wait_for(deleted, f"the beginning of {topic} to be deleted", 60, every=0.5)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {errors[-1]}") from None
        for process in group.members.values():
            process.resume()

    # --- after -------------------------------------------------------------------------------------------------------
    def calm(self):
        """Everything is read, closed, told and counted; then all stop."""
        self.producing.stop()
        self.brokers.wait_whole()
        highs = self.high_watermarks()
        for group in self.groups:
            try:
                wait_for(lambda: dict(group.ends()) == highs, f"{group.name} to read to the end", 180, every=0.3)
            except TimeoutError as error:
                raise TimeoutError(f"{error}: it is at {dict(group.ends())}, the end is {highs}") from None
        self.wait_asked_again()
        for group in self.groups:
            for number in group.members:
                group.close(number)
        self.weir.wait_told(datetime.now(timezone.utc))
        self.say(f"all is told; {self.producing.acknowledged} records were produced")
        for process in [*self.weir.taps.values(), *self.weir.meters.values()]:
            process.must_run()
        for name, status in self.weir.stop().items():
            if status:
                raise RuntimeError(f"{name} ended with {status}")
        self.brokers.stop()

    def high_watermarks(self):
        consumer = Consumer(self.brokers.librdkafka("admin", group_id="ends"))
        try:
            return {place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=60)[1] for place in PLACES}
        finally:
            consumer.close()

    def wait_asked_again(self):
        """Until whoever fetches from a broker has asked it anew since all was read: so every fetch has its successor."""
        since = datetime.now(timezone.utc)
        lives = {process.name for group in self.groups for process in group.members.values()}
        before, after = set(), set()

        def asked():
            for node in NODES:
                for log in self.brokers.request_logs(node)[-3:] + self.brokers.request_logs(node)[:1]:
                    with contextlib.suppress(FileNotFoundError):
                        for text in log.read_text(errors="replace").splitlines():
                            found = FETCH_LINE.match(text)
                            if found and found[2] in lives:
                                at = utc(found[1])
                                if since - timedelta(seconds=3) < at <= since:
                                    before.add((node, found[2]))
                                if at - timedelta(milliseconds=float(found[3])) > since:
                                    after.add((node, found[2]))
            return before and before <= after

        wait_for(asked, "the readers to ask again", 60, every=0.3)

    # --- the verdict -------------------------------------------------------------------------------------------------
    def judge(self):
        """What is wrong, as lines of text."""
        usage = verdict.of_clients([{"principal": p, "topic": t, **row} for (p, t), row in self.weir.usage().items()])
        logs = [log for node in NODES for log in self.brokers.request_logs(node) if log.stat().st_size]
        self.say(f"judging {len(logs)} files of {sum(log.stat().st_size for log in logs) >> 20} MiB")
        judge, python = verdict.by_python(logs, self.stack.folder / "judged")
        weirctl, said = verdict.by_weirctl(logs)
        wrong = verdict.differences("PostgreSQL is not the Python recount", usage, python)
        wrong += verdict.differences("weirctl recount is not the Python recount", weirctl, python)
        batches = {
            (topic, partition): Batches([self.brokers.home(node) / "data" / f"{topic}-{partition}" for node in NODES]) for topic, partition in PLACES
        }
        lives = verdict.fetches_of(judge, batches)
        self.say(f"{'client':16} {'written':>9} = {'billed':>9} + {'again':>7} + {'open':>5} + ({'unlogged':>8} - {'healed':>6})  application")
        for group in self.groups:
            total = verdict.weigh(group, lives, self.broker_kills)
            self.say(
                f"{group.name:16} {total.written:9} = {total.billed:9} + {total.again:7} + {total.open:5} + ({total.unlogged:8} - {total.healed:6})  {total.application}"
            )
            wrong += total.complaints
        wrong += self.judge_notes()
        for (principal, topic), row in sorted(usage.items()):
            self.say(f"{principal:24} {topic:14} {row}")
        (self.stack.folder / "recount.err").write_text(said)
        return wrong

    def judge_notes(self):
        """No gap left; holes and dead letters only of what a killed broker really lost."""
        wrong = [f"a gap is left: {gap}" for gap in self.weir.open_gaps()]
        first = set()
        for hole in self.weir.holes():
            if hole[1] == "unknown_before" and hole[0] not in first:  # a tap's first start knows nothing of before
                first.add(hole[0])
                continue
            wrong.append(f"a hole: {hole}")
        wrong += [f"a dead letter: {letter}" for letter in self.weir.dead_letters()]
        return wrong


def run(seed, kills, say):
    """True if all agrees. What is wrong is said, and then the folder stays."""
    build()
    stack = Stack(open_folder("storm"))
    replay = f"replay it with: make storm SEED={seed} KILLS={kills}"
    say(f"seed {seed}, {kills} kills, in {stack.folder}")
    wrong = ["it was broken off"]
    try:
        storm = Storm(stack, seed, kills, say)
        storm.start()
        storm.rage()
        storm.calm()
        wrong = storm.judge()
    except Exception:
        wrong = [traceback.format_exc()]
    finally:
        with contextlib.suppress(NameError, UnboundLocalError):
            end_all(storm)
        for line in wrong:
            say(f"WRONG: {line}")
        if wrong:
            stack.script("postgres", "down", check=False)
            say(f"seed {seed} fails; what it left is in {stack.folder}; {replay}")
        else:
            stack.purge()
            shutil.rmtree(stack.folder, ignore_errors=True)
    return not wrong


def end_all(storm):
    processes = [*storm.weir.taps.values(), *storm.weir.meters.values(), *storm.brokers.nodes.values()]
    processes += [process for group in storm.groups for process in group.members.values() if process]
    for process in processes:
        if process.runs:
            process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--kills", type=int, default=500)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # clears up, too
    began = time.monotonic()
    good = run(arguments.seed, arguments.kills, lambda text: print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True))
    print("storm: all agrees" if good else "storm: FAILED")
    sys.exit(not good)


if __name__ == "__main__":
    main()
