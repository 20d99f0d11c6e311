#include "simulation/tap_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/instant.h"
#include "simulation/wrap.h"
#include "tap/follow/follow.h"
#include "tap/ship/state.h"
#include "tap/tap.h"

enum { FOLDER_MAX = 256, PATH_MAX_BYTES = 400 };

static const char *const LISTENERS[] = {"CONTROLLER", NULL};
static const char *const OWN[] = {"User:weir*", NULL};
const struct select_options tap_host_select = {.drop_listeners = LISTENERS, .own_principals = OWN};

struct tap_host tap_hosts[REQUEST_LOG_BROKERS_MAX];
char tap_host_failed[1024];

// Its files.
struct host {
    char folder[FOLDER_MAX], log_file[PATH_MAX_BYTES], state_path[PATH_MAX_BYTES];
    int fd; // of the live file, -1: none
    int64_t hour;
    struct slice rest; // of a line that was begun
    int64_t control_ms, queue_bytes;
};

static struct host hosts[REQUEST_LOG_BROKERS_MAX];
static struct chance *chance;
static int host_count;

static struct host *host_of(int32_t broker) {
    check(broker > 0 && broker <= host_count);
    return &hosts[broker - 1];
}

static void path(char out[PATH_MAX_BYTES], const char *folder, const char *name) {
    int n = snprintf(out, PATH_MAX_BYTES, "%s/%s", folder, name);
    check(n > 0 && n < PATH_MAX_BYTES);
}

void tap_hosts_init(struct chance *c, const char *folder, int brokers) {
    chance = c;
    host_count = brokers;
    tap_host_failed[0] = '\0';
    for (int i = 0; i < brokers; i++) {
        struct host *h = &hosts[i];
        *h = (struct host){.fd = -1, .hour = -1};
        int n = snprintf(h->folder, sizeof h->folder, "%s/broker%d", folder, i + 1);
        check(n > 0 && (size_t)n < sizeof h->folder);
        path(h->log_file, h->folder, "kafka-request.log");
        path(h->state_path, h->folder, "tap.state");
        h->control_ms = chance_between(chance, 4, 30) * 1000;
        h->queue_bytes = chance_between(chance, 10, 300) * 1000;
        check(mkdir(h->folder, 0700) == 0);
        tap_hosts[i] = (struct tap_host){.broker = i + 1};
    }
}

static void remove_folder(const char *folder) {
    DIR *dir = opendir(folder);
    check(dir != NULL);
    struct dirent *item;
    while ((item = readdir(dir)) != NULL) {
        char file[PATH_MAX_BYTES];
        if (item->d_name[0] != '.') {
            path(file, folder, item->d_name);
            check(unlink(file) == 0);
        }
    }
    (void)closedir(dir);
    check(rmdir(folder) == 0);
}

void tap_hosts_done(void) {
    for (int i = 0; i < host_count; i++) {
        if (hosts[i].fd >= 0) {
            (void)close(hosts[i].fd);
        }
        remove_folder(hosts[i].folder);
    }
    host_count = 0;
}

// --- the log -------------------------------------------------------------------------------------

static void write_all(int fd, struct slice text) {
    check(write(fd, text.ptr, text.len) == (ssize_t)text.len);
}

static void finish_line(struct host *h) {
    if (h->rest.len > 0) {
        write_all(h->fd, h->rest);
        write_all(h->fd, SLICE_LIT("\n"));
        h->rest.len = 0;
    }
}

void tap_hosts_finish_lines(void) {
    for (int i = 0; i < host_count; i++) {
        finish_line(&hosts[i]);
    }
}

// As log4j does it: the file of an hour that is over gets the hour's name.
static void rotate(struct host *h, int64_t hour) {
    if (h->fd >= 0) {
        int64_t year = 0;
        unsigned month = 0, day = 0;
        civil_from_days(h->hour / 24, &year, &month, &day);
        char name[PATH_MAX_BYTES + 40];
        int n = snprintf(name, sizeof name, "%s.%04" PRId64 "-%02u-%02u-%02d", h->log_file, year,
                         month, day, (int)(h->hour % 24));
        check(n > 0 && (size_t)n < sizeof name && rename(h->log_file, name) == 0);
        (void)close(h->fd);
    }
    h->fd = open(h->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    check(h->fd >= 0);
    h->hour = hour;
}

void tap_host_write(const struct request_log_line *line) {
    struct host *h = host_of(line->broker);
    finish_line(h);
    if (request_log_hour(line->time_us) != h->hour) {
        rotate(h, request_log_hour(line->time_us));
    }
    size_t now = chance_once_in(chance, 10) ? chance_below(chance, (uint32_t)line->len) : line->len;
    write_all(h->fd, slice_of(line->text, now));
    h->rest = slice_of(line->text + now, line->len - now);
    if (now == line->len) {
        write_all(h->fd, SLICE_LIT("\n"));
    }
}

// --- the tap -------------------------------------------------------------------------------------

static void run_tap(void *ctx) {
    const struct tap_host *host = ctx;
    const struct host *h = host_of(host->broker);
    const struct tap_options options = {
        .topic = "log",
        .broker = host->broker,
        .log_file = h->log_file,
        .state_path = h->state_path,
        .select = tap_host_select,
        .poll_ms = 500,
        .control_ms = h->control_ms,
        .queue_bytes = h->queue_bytes,
        .shutdown_ms = 2000,
    };
    struct err e = {0};
    struct tap *t = tap_new(&options);
    if (tap_run(t, &e) != ERR_OK && !process_is_dead()) {
        (void)snprintf(tap_host_failed, sizeof tap_host_failed, "%s", e.text);
    }
    tap_free(t);
}

void tap_host_start(struct tap_host *h) {
    check(h->process == NULL);
    h->process = process_new(run_tap, h);
    h->starts++;
}

void tap_host_lose_state(struct tap_host *h) {
    check(h->process == NULL);
    (void)unlink(host_of(h->broker)->state_path);
}

// --- what the tap does with files ----------------------------------------------------------------

enum err_code REAL(follow_next)(struct follow *f, struct follow_item *ret, struct err *e);
enum err_code WRAPPED(follow_next)(struct follow *f, struct follow_item *ret, struct err *e);
enum err_code WRAPPED(follow_next)(struct follow *f, struct follow_item *ret, struct err *e) {
    if (chance_once_in(chance, 8)) {
        (void)process_step();
    }
    return REAL(follow_next)(f, ret, e);
}

enum err_code REAL(state_write)(const char *name, const struct state *s, struct err *e);
enum err_code WRAPPED(state_write)(const char *name, const struct state *s, struct err *e);
enum err_code WRAPPED(state_write)(const char *name, const struct state *s, struct err *e) {
    if (!process_step() || chance_once_in(chance, 20)) {
        return err_set(e, ERR_IO, "state can't be written");
    }
    enum err_code code = REAL(state_write)(name, s, e);
    (void)process_step();
    return code;
}

// The machine doesn't lose power here.
int WRAPPED(fsync)(int fd);
int WRAPPED(fsync)(int fd) {
    (void)fd;
    return 0;
}
