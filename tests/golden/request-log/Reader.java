import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A consumer that says what it gets and does what it is told:
 *   java -cp 'lib/*' Reader.java PROPERTIES TOPIC[,TOPIC...] STOP-AFTER
 * STOP-AFTER: stops polling once it has that many records (0: never), as a process that hangs does;
 * then it goes on with "resume".
 * Says:  assigned TOPIC-PARTITION... | got TOPIC-PARTITION COUNT | stopped | refused | closed
 * Takes: seek TOPIC PARTITION OFFSET | resume | close
 */
public class Reader {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (FileInputStream in = new FileInputStream(args[0])) {
            properties.load(in);
        }
        long stopAfter = Long.parseLong(args[2]);
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

        try (KafkaConsumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(args[1].split(",")), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                }

                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    say("assigned", consumer.assignment());
                }
            });
            run(consumer, commands, stopAfter);
        } catch (AuthorizationException e) {
            System.out.println("refused");
        }
        System.out.println("closed");
    }

    private static void run(KafkaConsumer<byte[], byte[]> consumer, LinkedBlockingQueue<String> commands, long stopAfter)
        throws InterruptedException {
        long total = 0;
        while (true) {
            for (String command = commands.poll(); command != null; command = commands.poll()) {
                String[] words = command.split(" ");
                if (words[0].equals("close")) {
                    return;
                }
                consumer.seek(new TopicPartition(words[1], Integer.parseInt(words[2])), Long.parseLong(words[3]));
            }
            var records = consumer.poll(Duration.ofMillis(50));
            for (TopicPartition partition : records.partitions()) {
                List<ConsumerRecord<byte[], byte[]>> some = records.records(partition);
                System.out.println("got " + partition + " " + some.size());
            }
            total += records.count();
            if (stopAfter > 0 && total >= stopAfter) {
                System.out.println("stopped");
                if (commands.take().equals("close")) {
                    return;
                }
                stopAfter = 0;
            }
        }
    }

    private static void say(String word, Collection<TopicPartition> partitions) {
        StringBuilder line = new StringBuilder(word);
        partitions.stream().map(TopicPartition::toString).sorted().forEach(name -> line.append(' ').append(name));
        System.out.println(line);
    }
}
