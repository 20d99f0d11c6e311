import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A Java consumer that writes down what it is given, before it asks for more or commits:
 *   java -cp 'lib/*' Recorder.java LEDGER PROPERTIES TOPIC...
 * A line of the ledger is "<µs since 1970> <topic> <partition> <first offset> <last offset> <bytes of values>".
 * Takes on standard input: "back N" (all its partitions N records back) | "close".
 */
public class Recorder {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileInputStream in = new FileInputStream(args[1])) {
            properties.load(in);
        }
        LinkedBlockingQueue<String> commands = new LinkedBlockingQueue<>();
        Thread listener = new Thread(() -> {
            try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    commands.add(line);
                }
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        listener.setDaemon(true);
        listener.start();
        try (FileOutputStream ledger = new FileOutputStream(args[0], true);
             KafkaConsumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(Arrays.asList(args).subList(2, args.length));
            for (String command = commands.poll(); !"close".equals(command); command = commands.poll()) {
                if (command != null) {
                    back(consumer, Long.parseLong(command.split(" ")[1]));
                }
                ledger.write(lines(consumer.poll(Duration.ofMillis(100))).getBytes(StandardCharsets.US_ASCII));
            }
        }
    }

    private static void back(KafkaConsumer<byte[], byte[]> consumer, long records) {
        var beginnings = consumer.beginningOffsets(consumer.assignment());
        for (TopicPartition partition : consumer.assignment()) {
            consumer.seek(partition, Math.max(consumer.position(partition) - records, beginnings.get(partition)));
        }
    }

    private static String lines(ConsumerRecords<byte[], byte[]> records) {
        StringBuilder text = new StringBuilder();
        long now = System.currentTimeMillis() * 1000;
        for (TopicPartition partition : records.partitions()) {
            long first = -1, last = -1, bytes = 0;
            for (ConsumerRecord<byte[], byte[]> record : records.records(partition)) {
                if (first >= 0 && record.offset() != last + 1) {
                    append(text, now, partition, first, last, bytes);
                    first = -1;
                    bytes = 0;
                }
                first = first < 0 ? record.offset() : first;
                last = record.offset();
                bytes += record.value().length;
            }
            append(text, now, partition, first, last, bytes);
        }
        return text.toString();
    }

    private static void append(StringBuilder text, long now, TopicPartition partition, long first, long last, long bytes) {
        text.append(now).append(' ').append(partition.topic()).append(' ').append(partition.partition()).append(' ')
            .append(first).append(' ').append(last).append(' ').append(bytes).append('\n');
    }
}
