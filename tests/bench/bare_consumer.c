// The bar for weir-meter: a librdkafka consumer with the meter's fetch settings that reads the same
// topic to its end and does nothing with it; blocks it unpacks, so that it has the lines in memory
// either way. Prints "messages bytes seconds cpu_seconds", the seconds from the assignment to the last
// message.
//   bare_consumer BOOTSTRAP USER PASSWORD_FILE TOPIC PARTITIONS MESSAGES QUEUE_KBYTES lines|blocks
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>
#include <zstd.h>

enum { BATCH = 8192, BLOCK_TEXT_MAX = 2 * 1000 * 1000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "bare_consumer: %s\n", text);
        exit(2);
    }
}

// Bytes of the lines in a message.
static unsigned long long take(const rd_kafka_message_t *m, bool packed, ZSTD_DCtx *zstd) {
    static char text[BLOCK_TEXT_MAX];
    if (!packed) {
        return m->len;
    }
    size_t len = ZSTD_decompressDCtx(zstd, text, sizeof text, m->payload, m->len);
    if (ZSTD_isError(len)) {
        fprintf(stderr, "bare_consumer: %s\n", ZSTD_getErrorName(len));
        exit(1);
    }
    return len;
}

int main(int argc, char **argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: bare_consumer BOOTSTRAP USER PASSWORD_FILE TOPIC PARTITIONS "
                        "MESSAGES QUEUE_KBYTES lines|blocks\n");
        return 2;
    }
    char password[256] = "";
    FILE *file = fopen(argv[3], "r");
    if (file == NULL || fgets(password, sizeof password, file) == NULL) {
        fprintf(stderr, "bare_consumer: %s can't be read\n", argv[3]);
        return 2;
    }
    fclose(file);
    password[strcspn(password, "\r\n")] = '\0';
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "security.protocol", "SASL_PLAINTEXT");
    set(conf, "sasl.mechanisms", "PLAIN");
    set(conf, "sasl.username", argv[2]);
    set(conf, "sasl.password", password);
    set(conf, "group.id", "weir-meter-bench-bare");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "fetch.wait.max.ms", "1000");
    set(conf, "fetch.message.max.bytes", "4194304");
    set(conf, "queued.min.messages", "10000000");
    set(conf, "queued.max.messages.kbytes", argv[7]);
    char text[256];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (client == NULL) {
        fprintf(stderr, "bare_consumer: %s\n", text);
        return 1;
    }
    rd_kafka_poll_set_consumer(client);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    int partitions = (int)strtol(argv[5], NULL, 10);
    long wanted = strtol(argv[6], NULL, 10);
    bool packed = strcmp(argv[8], "blocks") == 0;
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++) {
        rd_kafka_topic_partition_list_add(list, argv[4], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    static rd_kafka_message_t *messages[BATCH];
    double began = now();
    rd_kafka_assign(client, list);
    long count = 0;
    unsigned long long bytes = 0;
    while (count < wanted) {
        rd_kafka_message_t *first = rd_kafka_consume_queue(queue, 1000);
        if (first == NULL) {
            continue;
        }
        messages[0] = first;
        ssize_t more = rd_kafka_consume_batch_queue(queue, 0, messages + 1, BATCH - 1);
        for (ssize_t i = 0; i <= more; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                count++;
                bytes += take(messages[i], packed, zstd);
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    double seconds = now() - began;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("%ld %llu %.3f %.3f\n", count, bytes, seconds, cpu);
    return 0;
}
