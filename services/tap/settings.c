// The table of settings; see the header.
#include "tap/settings.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/http/metrics_server.h"

static const struct config_row rows[] = {
    {.name = "cluster",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "local",
     .help = "name of the cluster in Weir"},
    {.name = "broker_id",
     .type = CONFIG_INT,
     .required = true,
     .min = 0,
     .max = INT32_MAX,
     .example = "1",
     .help = "node.id of the broker whose log this is"},
    {.name = "log_file",
     .type = CONFIG_PATH,
     .required = true,
     .example = "/var/log/kafka/kafka-request.log",
     .help = "the broker's request log; renamed files are found beside it"},
    {.name = "state_dir",
     .type = CONFIG_PATH,
     .required = true,
     .example = "/var/lib/weir-tap",
     .help = "folder, writable, of the position over a restart"},
    {.name = "log_topic",
     .type = CONFIG_TEXT,
     .example = "weir.broker-log.local",
     .help = "topic to ship to; weir.broker-log.<cluster> if not set"},
    CONFIG_ROWS_KAFKA,
    {.name = "broker_address",
     .type = CONFIG_LIST,
     .example = "10.0.0.7:9092,10.0.0.7:9093",
     .help = "the broker's own addresses (host or host:port): a log of another one is refused"},
    {.name = "drop_listeners",
     .type = CONFIG_LIST,
     .fallback = "CONTROLLER",
     .example = "CONTROLLER,REPLICATION",
     .help = "listeners of the cluster's own traffic, which is not shipped"},
    {.name = "own_principals",
     .type = CONFIG_LIST,
     .fallback = "User:weir-*",
     .example = "User:weir-*,User:broker",
     .help = "principals not shipped; a final * stands for any ending"},
    {.name = "keep_principals",
     .type = CONFIG_LIST,
     .fallback = "User:weir-canary",
     .example = "User:weir-canary",
     .help = "principals shipped although they match own_principals"},
    {.name = "utc_check",
     .type = CONFIG_BOOL,
     .fallback = "true",
     .example = "false",
     .help = "refuse a log whose newest line is a time zone away from the file's own time"},
    {.name = "counters_url",
     .type = CONFIG_TEXT,
     .example = "http://127.0.0.1:19098/metrics",
     .help = "page of the broker's own counters, as the Prometheus JMX exporter gives it; what "
             "they say beyond the lines is a hole"},
    {.name = "counters_metric",
     .type = CONFIG_TEXT,
     .fallback = "kafka_server_brokertopicmetrics_bytesout_total",
     .example = "kafka_server_brokertopicmetrics_bytesout_total",
     .help = "the metric of BytesOutPerSec by topic on that page"},
    {.name = "counters_label",
     .type = CONFIG_TEXT,
     .fallback = "topic",
     .example = "topic",
     .help = "its label with the topic's name"},
    {.name = "counters_interval",
     .type = CONFIG_DURATION,
     .min = 100,
     .max = 600000,
     .fallback = "15s",
     .example = "15s",
     .help = "how often that page is asked for"},
    {.name = "counters_settle",
     .type = CONFIG_DURATION,
     .min = 0,
     .max = 3600000,
     .fallback = "11m",
     .example = "11m",
     .help = "how long a response that is counted may take until its line is written; above the "
             "broker's connections.max.idle.ms"},
    {.name = "poll_interval",
     .type = CONFIG_DURATION,
     .min = 10,
     .max = 10000,
     .fallback = "100ms",
     .example = "50ms",
     .help = "how often the log is looked at when it is read to its end"},
    {.name = "control_interval",
     .type = CONFIG_DURATION,
     .min = 100,
     .max = 600000,
     .fallback = "5s",
     .example = "5s",
     .help = "how often every partition is told how far the tap is"},
    {.name = "queue_bytes",
     .type = CONFIG_BYTES,
     .min = 1 << 20,
     .max = 1LL << 30,
     .fallback = "16MiB",
     .example = "16MiB",
     .help = "most bytes shipped and not yet acknowledged; then reading waits"},
    {.name = "shutdown_timeout",
     .type = CONFIG_DURATION,
     .min = 0,
     .max = 600000,
     .fallback = "10s",
     .example = "10s",
     .help = "how long a stop waits for acknowledgements"},
    METRICS_SERVER_LISTEN_ROW("127.0.0.1:18081"),
    CONFIG_ROW_LOG_LEVEL,
};

const struct config_program settings_program = {
    .name = "weir-tap",
    .summary = "Ships the lines of a Kafka broker's request log that Weir meters by, each once "
               "and in order, with their positions.",
    .rows = rows,
    .rows_count = sizeof rows / sizeof rows[0],
};

// The state's folder is asked for now, and not when the first acknowledgement comes.
static enum err_code state_path(const struct config *c, struct settings *s, struct err *e) {
    const char *dir = config_text(c, "state_dir");
    struct stat st;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || access(dir, R_OK | W_OK | X_OK) != 0) {
        return err_field(e, ERR_CONFIG, "state_dir",
                         "%s must be a folder this user can write to (example: "
                         "state_dir = /var/lib/weir-tap)",
                         dir);
    }
    int n = snprintf(s->state_path, sizeof s->state_path, "%s/%s-%lld.state", dir,
                     config_text(c, "cluster"), (long long)config_int(c, "broker_id"));
    if (n < 0 || (size_t)n >= sizeof s->state_path) {
        return err_field(e, ERR_CONFIG, "state_dir", "is too long");
    }
    s->tap.state_path = s->state_path;
    return ERR_OK;
}

// Cluster names stand in topic and file names.
static bool plain_name(const char *name) {
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    return n > 0 && n <= 200 && name[n] == '\0' && name[0] != '.';
}

enum err_code settings_read(const struct config *c, struct settings *ret, struct err *e) {
    struct settings *s = ret;
    *s = (struct settings){0};
    enum err_code rc = kafka_settings_read(c, &s->kafka, e);
    if (rc != ERR_OK) {
        return rc;
    }
    const char *cluster = config_text(c, "cluster");
    if (!plain_name(cluster)) {
        return err_field(e, ERR_CONFIG, "cluster",
                         "may hold letters, digits, '-', '_' and '.' only (example: cluster = "
                         "local)");
    }
    snprintf(s->topic, sizeof s->topic, "weir.broker-log.%s", cluster);
    s->tap = (struct tap_options){
        .kafka = &s->kafka,
        .topic = config_is_set(c, "log_topic") ? config_text(c, "log_topic") : s->topic,
        .broker = (int32_t)config_int(c, "broker_id"),
        .log_file = config_text(c, "log_file"),
        .select =
            {
                .drop_listeners = config_list(c, "drop_listeners", NULL),
                .own_principals = config_list(c, "own_principals", NULL),
                .keep_principals = config_list(c, "keep_principals", NULL),
            },
        .utc_check = config_bool(c, "utc_check"),
        .addresses =
            config_is_set(c, "broker_address") ? config_list(c, "broker_address", NULL) : NULL,
        .poll_ms = config_duration_ms(c, "poll_interval"),
        .control_ms = config_duration_ms(c, "control_interval"),
        .queue_bytes = config_bytes(c, "queue_bytes"),
        .shutdown_ms = config_duration_ms(c, "shutdown_timeout"),
        .counters =
            {
                .url = config_is_set(c, "counters_url") ? config_text(c, "counters_url") : NULL,
                .metric = config_text(c, "counters_metric"),
                .label = config_text(c, "counters_label"),
                .interval_ms = config_duration_ms(c, "counters_interval"),
                .settle_ms = config_duration_ms(c, "counters_settle"),
            },
    };
    const char *url = s->tap.counters.url;
    if (url != NULL && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return err_field(e, ERR_CONFIG, "counters_url",
                         "must begin with http:// or https:// (example: counters_url = "
                         "http://127.0.0.1:19098/metrics)");
    }
    s->metrics_listen = config_text(c, "metrics_listen");
    return state_path(c, s, e);
}
