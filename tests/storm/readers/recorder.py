"""A consumer on the librdkafka of confluent-kafka that writes down what it is given, before it lets it be committed:

    recorder.py LEDGER PROPERTIES TOPIC...

A line of the ledger is "<µs since 1970> <topic> <partition> <first offset> <last offset> <bytes of values>". What
librdkafka puts into its queue it says on standard error (debug=fetch,msg).
Takes on standard input: "back N" (all its partitions N records back) | "close".
"""

import os
import select
import sys
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition


def ranges(messages):
    """[topic, partition, first, last, bytes] of each unbroken row."""
    rows = []
    for message in messages:
        topic, partition, offset, size = message.topic(), message.partition(), message.offset(), len(message.value())
        if rows and rows[-1][:2] == [topic, partition] and rows[-1][3] == offset - 1:
            rows[-1][3] = offset
            rows[-1][4] += size
        else:
            rows.append([topic, partition, offset, offset, size])
    return rows


def write_down(ledger, consumer, messages):
    rows = ranges(messages)
    now = time.time_ns() // 1000
    os.write(ledger, "".join(f"{now} {' '.join(map(str, row))}\n" for row in rows).encode())
    for topic, partition, _, last, _ in rows:
        try:
            consumer.store_offsets(offsets=[TopicPartition(topic, partition, last + 1)])
        except KafkaException:
            pass  # it has just been taken away


def go_back(consumer, records):
    for place in consumer.position(consumer.assignment()):
        if place.offset >= 0:
            try:
                consumer.seek(TopicPartition(place.topic, place.partition, max(0, place.offset - records)))
            except KafkaException:
                pass  # not fetched yet


def obey(consumer):
    """False once it is told to close."""
    while select.select([sys.stdin], [], [], 0)[0]:
        command = os.read(0, 64).decode().split()
        if not command or command[0] == "close":
            return False
        go_back(consumer, int(command[1]))
    return True


def main():
    path, properties, *topics = sys.argv[1:]
    with open(properties, encoding="ascii") as file:
        config = dict(line.rstrip("\n").split("=", 1) for line in file)
    ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    consumer = Consumer(config)
    consumer.subscribe(topics)
    while obey(consumer):
        write_down(ledger, consumer, [message for message in consumer.consume(500, 0.1) if not message.error()])
    consumer.close()


main()
