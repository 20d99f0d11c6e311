// A consumer on Debian's librdkafka that writes down what it is given, before it lets it be committed:
//   recorder LEDGER PROPERTIES TOPIC...
// A line of the ledger is "<µs since 1970> <topic> <partition> <first offset> <last offset> <bytes of
// values>". What librdkafka puts into its queue it says on standard error (debug=fetch,msg).
// Takes on standard input: "back N" (all its partitions N records back) | "close".
#include <fcntl.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_MAX = 500, POLL_MS = 100, SEEK_MS = 10000 };

static void die(const char *what, const char *why) {
    fprintf(stderr, "recorder: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_conf_t *read_properties(const char *path) {
    char line[1024], why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        die(path, "can't be read");
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, '=');
        if (value == NULL) {
            continue;
        }
        *value++ = '\0';
        if (rd_kafka_conf_set(conf, line, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
            die(line, why);
        }
    }
    fclose(file);
    return conf;
}

// Writes the records down and marks them for the next commit.
static void write_down(int ledger, rd_kafka_message_t **messages, int count) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0, after; i < count; i = after) {
        char line[512];
        size_t bytes = 0;
        const rd_kafka_message_t *first = messages[i];
        for (after = i; after < count && messages[after]->rkt == first->rkt &&
                        messages[after]->partition == first->partition &&
                        messages[after]->offset == first->offset + (after - i);
             after++) {
            bytes += messages[after]->len;
        }
        int length = snprintf(
            line, sizeof line, "%" PRId64 " %s %" PRId32 " %" PRId64 " %" PRId64 " %zu\n",
            (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, rd_kafka_topic_name(first->rkt),
            first->partition, first->offset, messages[after - 1]->offset, bytes);
        if (write(ledger, line, (size_t)length) != length) {
            die("ledger", "can't be written");
        }
    }
    for (int i = 0; i < count; i++) {
        rd_kafka_offset_store(messages[i]->rkt, messages[i]->partition, messages[i]->offset);
        rd_kafka_message_destroy(messages[i]);
    }
}

static void go_back(rd_kafka_t *rk, int64_t records) {
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(rk, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    rd_kafka_position(rk, list);
    for (int i = list->cnt - 1; i >= 0; i--) {
        rd_kafka_topic_partition_t *place = &list->elems[i];
        if (place->offset < 0) { // it hasn't read any of it
            rd_kafka_topic_partition_list_del_by_idx(list, i);
        } else {
            place->offset = place->offset > records ? place->offset - records : 0;
        }
    }
    rd_kafka_error_destroy(rd_kafka_seek_partitions(rk, list, SEEK_MS));
    rd_kafka_topic_partition_list_destroy(list);
}

// Returns false once it is told to close.
static bool obey(rd_kafka_t *rk) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char command[64];
    if (poll(&input, 1, 0) <= 0 || fgets(command, sizeof command, stdin) == NULL) {
        return true;
    }
    if (strncmp(command, "back ", 5) == 0) {
        go_back(rk, strtoll(command + 5, NULL, 10));
    }
    return strncmp(command, "close", 5) != 0;
}

static int poll_messages(rd_kafka_t *rk, rd_kafka_message_t **messages) {
    int count = 0;
    while (count < BATCH_MAX) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, count > 0 ? 0 : POLL_MS);
        if (message == NULL) {
            break;
        }
        if (message->err) {
            rd_kafka_message_destroy(message);
        } else {
            messages[count++] = message;
        }
    }
    return count;
}

int main(int argc, char **argv) {
    char why[512];
    rd_kafka_message_t *messages[BATCH_MAX];
    if (argc < 4) {
        die("usage", "recorder LEDGER PROPERTIES TOPIC...");
    }
    (void)setvbuf(stdin, NULL, _IONBF, 0);
    int ledger = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, read_properties(argv[2]), why, sizeof why);
    if (ledger < 0 || rk == NULL) {
        die(argv[1], ledger < 0 ? "can't be opened" : why);
    }
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(argc - 3);
    for (int i = 3; i < argc; i++) {
        rd_kafka_topic_partition_list_add(topics, argv[i], RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_subscribe(rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    do {
        write_down(ledger, messages, poll_messages(rk, messages));
    } while (obey(rk));
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    close(ledger);
    return 0;
}
