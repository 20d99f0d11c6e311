"""Writes a large kafka-request.log of FETCH lines in the shape of real captured ones.

Many principals read two topics of three partitions by full fetches; offsets advance, so every fetch
but the last of a chain is closed by its successor, and the totals are known without counting.
"""

import json
from datetime import datetime, timedelta, timezone

LINE = (
    '[{when}] DEBUG Completed request:{{"isForwarded":false,"requestHeader":{{"requestApiKey":1,"requestApiVersion":16,'
    '"correlationId":{n},"clientId":"reader-{p}","requestApiKeyName":"FETCH"}},"request":{{"maxWaitMs":500,"minBytes":1,'
    '"maxBytes":52428800,"isolationLevel":1,"sessionId":0,"sessionEpoch":-1,"topics":[{request}],"forgottenTopicsData":[],'
    '"rackId":""}},"response":{{"throttleTimeMs":0,"errorCode":0,"sessionId":0,"responses":[{response}]}},'
    '"connection":"127.0.0.1:19094-127.0.0.1:{port}-0-{p}","totalTimeMs":2.345,"requestQueueTimeMs":0.054,"localTimeMs":0.312,'
    '"remoteTimeMs":1.791,"throttleTimeMs":0,"responseQueueTimeMs":0.041,"sendTimeMs":0.147,"securityProtocol":"SASL_PLAINTEXT",'
    '"principal":"User:{principal}","listener":"CLIENT","clientInformation":{{"softwareName":"confluent-kafka-python",'
    '"softwareVersion":"2.16.1-rdkafka-2.16.0"}}}} (kafka.request.logger)\n'
)
TOPICS = ["Q1m2rT0uRk2b7lJfGkq1Zw", "x9TtY3vXQ0O1cGmH5b8dNA"]
SIZE, MESSAGES = 3456, 12


def write(path, lines, principals=200):
    """Returns {"lines", "bytes" (delivered), "size" (of the file)}."""
    start = datetime(2026, 11, 1, tzinfo=timezone.utc)
    names = ["w" + format(p, "026d").translate(str.maketrans("0189", "abcd")) for p in range(principals)]
    delivered = 0
    with open(path, "w", encoding="ascii") as out:
        for n in range(lines):
            p, turn = n % principals, n // principals
            offset = turn * MESSAGES
            request = ",".join(
                '{"topicId":"%s","partitions":[%s]}'
                % (t, ",".join('{"partition":%d,"currentLeaderEpoch":0,"fetchOffset":%d,"lastFetchedEpoch":-1,"logStartOffset":-1,"partitionMaxBytes":1048576}' % (i, offset) for i in range(2)))
                for t in TOPICS
            )
            response = ",".join(
                '{"topicId":"%s","partitions":[%s]}'
                % (t, ",".join('{"partitionIndex":%d,"errorCode":0,"highWatermark":%d,"lastStableOffset":%d,"logStartOffset":0,"abortedTransactions":[],"preferredReadReplica":-1,"recordsSizeInBytes":%d}' % (i, offset + 1000, offset + 1000, SIZE) for i in range(2)))
                for t in TOPICS
            )
            when = (start + timedelta(milliseconds=n // 2)).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
            out.write(LINE.format(when=when, n=turn, p=p, port=20000 + p, principal=names[p], request=request, response=response))
            delivered += SIZE * 2 * len(TOPICS)
        size = out.tell()
    return {"lines": lines, "bytes": delivered, "size": size}


if __name__ == "__main__":
    import sys

    print(json.dumps(write(sys.argv[1], int(sys.argv[2]))))
