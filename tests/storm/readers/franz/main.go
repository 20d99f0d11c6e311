// A consumer on franz-go that writes down what it is given, before it lets it be committed:
//
//	recorder LEDGER PROPERTIES TOPIC...
//
// A line of the ledger is "<µs since 1970> <topic> <partition> <first offset> <last offset> <bytes of values>".
// Takes on standard input: "close".
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

func properties(path string) map[string]string {
	named := map[string]string{}
	text, err := os.ReadFile(path)
	check(err)
	for _, line := range strings.Split(string(text), "\n") {
		if name, value, found := strings.Cut(line, "="); found {
			named[name] = value
		}
	}
	return named
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "recorder:", err)
		os.Exit(1)
	}
}

func lines(fetches kgo.Fetches) string {
	var text strings.Builder
	now := time.Now().UnixMicro()
	fetches.EachPartition(func(part kgo.FetchTopicPartition) {
		records := part.Records
		for i := 0; i < len(records); {
			after, bytes := i, 0
			for after < len(records) && records[after].Offset == records[i].Offset+int64(after-i) {
				bytes += len(records[after].Value)
				after++
			}
			fmt.Fprintf(&text, "%d %s %d %d %d %d\n", now, part.Topic, part.Partition, records[i].Offset, records[after-1].Offset, bytes)
			i = after
		}
	})
	return text.String()
}

func main() {
	named := properties(os.Args[2])
	ledger, err := os.OpenFile(os.Args[1], os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	check(err)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(named["bootstrap.servers"], ",")...),
		kgo.SASL(plain.Auth{User: named["sasl.username"], Pass: named["sasl.password"]}.AsMechanism()),
		kgo.ClientID(named["client.id"]),
		kgo.ConsumerGroup(named["group.id"]),
		kgo.ConsumeTopics(os.Args[3:]...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(time.Second),
		kgo.BrokerMaxWriteBytes(2<<20),
		kgo.FetchMinBytes(8000),
		kgo.FetchMaxWait(500*time.Millisecond),
		kgo.AutoCommitInterval(500*time.Millisecond),
		kgo.AutoCommitMarks(),
		kgo.BlockRebalanceOnPoll(),
	)
	check(err)
	closing, tell := context.WithCancel(context.Background())
	go func() {
		input := bufio.NewScanner(os.Stdin)
		for input.Scan() {
			if input.Text() == "close" {
				tell()
				return
			}
		}
	}()
	for closing.Err() == nil {
		fetches := client.PollFetches(closing)
		_, err := ledger.WriteString(lines(fetches))
		check(err)
		client.MarkCommitRecords(fetches.Records()...)
		client.AllowRebalance()
	}
	check(client.CommitMarkedOffsets(context.Background()))
	client.Close()
}
