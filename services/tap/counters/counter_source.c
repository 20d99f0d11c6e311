// libcurl's multi interface; see the header.
#include "tap/counters/counter_source.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "base/check.h"

struct counter_source {
    const char *url, *metric, *label;
    CURLM *multi;
    CURL *easy; // NULL while nothing is asked
    struct curl_slist *headers;
    struct counter_page page;
    char reason[CURL_ERROR_SIZE];
};

struct counter_source *counter_source_new(const char *url, const char *metric, const char *label) {
    struct counter_source *s = calloc(1, sizeof *s);
    check(s != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    s->url = url;
    s->metric = metric;
    s->label = label;
    s->multi = curl_multi_init();
    s->headers = curl_slist_append(NULL, "Accept: text/plain;version=0.0.4");
    check(s->multi != NULL && s->headers != NULL);
    return s;
}

static void end(struct counter_source *s) {
    if (s->easy != NULL) {
        curl_multi_remove_handle(s->multi, s->easy);
        curl_easy_cleanup(s->easy);
        s->easy = NULL;
    }
}

void counter_source_free(struct counter_source *s) {
    if (s == NULL) {
        return;
    }
    end(s);
    curl_multi_cleanup(s->multi);
    curl_slist_free_all(s->headers);
    curl_global_cleanup();
    free(s);
}

static size_t receive(char *data, size_t size, size_t count, void *user) {
    struct counter_page *page = user;
    return counter_page_feed(page, slice_of(data, size * count)) ? size * count : 0;
}

void counter_source_ask(struct counter_source *s, counter_page_take take, void *ctx) {
    end(s);
    counter_page_begin(&s->page, s->metric, s->label, take, ctx);
    s->reason[0] = '\0';
    s->easy = curl_easy_init();
    check(s->easy != NULL);
    curl_easy_setopt(s->easy, CURLOPT_URL, s->url);
    curl_easy_setopt(s->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(s->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, (long)COUNTER_SOURCE_TIMEOUT_MS);
    curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->reason);
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, &s->page);
    check(curl_multi_add_handle(s->multi, s->easy) == CURLM_OK);
}

enum err_code counter_source_go_on(struct counter_source *s, bool *ret_done, struct err *e) {
    int running = 0, left;
    *ret_done = false;
    if (s->easy == NULL) {
        return ERR_OK;
    }
    CURLMcode code = curl_multi_perform(s->multi, &running);
    const CURLMsg *m = curl_multi_info_read(s->multi, &left);
    if (code == CURLM_OK && (m == NULL || m->msg != CURLMSG_DONE)) {
        return ERR_OK;
    }
    CURLcode result = m == NULL ? CURLE_FAILED_INIT : m->data.result;
    *ret_done = true;
    end(s);
    if (result != CURLE_OK) {
        return err_set(e, ERR_UNAVAILABLE, "%s: %s", s->url,
                       s->reason[0] != '\0' ? s->reason : curl_easy_strerror(result));
    }
    if (!counter_page_end(&s->page)) {
        return err_set(e, ERR_INVALID, "%s: the exporter could not read its broker", s->url);
    }
    return ERR_OK;
}

uint64_t counter_source_samples(const struct counter_source *s) {
    return s->page.samples;
}
