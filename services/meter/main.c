// weir-meter: reads the brokers' request logs from weir.broker-log.<cluster> and keeps usage.
#include "meter/meter.h"
#include "platform/http/metrics_server.h"
#include "platform/program/program.h"

static const struct config_row ROWS[] = {
    CONFIG_ROW_DATABASE,
    CONFIG_ROWS_KAFKA,
    {.name = "cluster",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "local",
     .help = "name of the cluster whose log is read"},
    {.name = "log_topic",
     .type = CONFIG_TEXT,
     .example = "weir.broker-log.local",
     .help = "topic of the log, if it isn't the one registered with the cluster"},
    {.name = "group_id",
     .type = CONFIG_TEXT,
     .fallback = "weir-meter",
     .example = "weir-meter",
     .help = "consumer group; the meters of a cluster share its partitions"},
    {.name = "instance",
     .type = CONFIG_TEXT,
     .example = "meter-1",
     .help = "a name of this meter alone: after a restart it has its partitions back at once"},
    {.name = "session_timeout",
     .type = CONFIG_DURATION,
     .min = 6000,
     .max = 300000,
     .fallback = "10s",
     .example = "10s",
     .help = "a meter not heard for so long loses its partitions to the others"},
    {.name = "batch_ms",
     .type = CONFIG_INT,
     .min = 10,
     .max = 15000,
     .fallback = "1000",
     .example = "1000",
     .help = "a batch is committed so many milliseconds after its first line"},
    {.name = "queue_size",
     .type = CONFIG_BYTES,
     .min = 1024 * 1024,
     .max = 2000LL * 1024 * 1024,
     .fallback = "64MiB",
     .example = "64MiB",
     .help = "bytes fetched ahead while catching up, at most"},
    METRICS_SERVER_LISTEN_ROW("127.0.0.1:18082"),
    CONFIG_ROW_LOG_LEVEL,
};

static const struct program METER = {
    .config = {.name = "weir-meter",
               .summary = "Counts usage from the brokers' request logs.",
               .rows = ROWS,
               .rows_count = sizeof ROWS / sizeof *ROWS},
    .run = meter_run,
};

int main(int argc, char **argv) {
    return program_main(&METER, argc, argv);
}
