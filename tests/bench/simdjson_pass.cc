// The peer of `weirctl recount`: one simdjson on-demand pass over the same fields of the same file,
// with the file in memory and the sums that a recount needs at least (bytes per principal and topic).
// It follows no fetch chains and counts no messages. Prints the sum of bytes, so nothing is optimised
// away and the two can be compared.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <simdjson.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

using namespace simdjson;

struct Sums {
    std::unordered_map<std::string, uint64_t> bytes; // principal, then topic
    uint64_t lines = 0, offsets = 0, watermarks = 0, errors = 0;
};

static std::string_view topic_of(ondemand::object &topic) {
    std::string_view name;
    if (topic["topicId"].get_string().get(name) == SUCCESS)
        return name;
    if (topic["topic"].get_string().get(name) == SUCCESS)
        return name;
    return "";
}

static void fetch(ondemand::object &line, Sums &sums) {
    ondemand::object request = line["request"];
    sums.offsets += uint64_t(int64_t(request["sessionId"])) + uint64_t(int64_t(request["sessionEpoch"]));
    for (ondemand::object topic : request["topics"].get_array()) {
        (void)topic_of(topic);
        for (ondemand::object part : topic["partitions"].get_array()) {
            sums.offsets += uint64_t(int64_t(part["partition"]));
            sums.offsets += uint64_t(int64_t(part["fetchOffset"]));
        }
    }
    ondemand::object response = line["response"];
    sums.errors += uint64_t(int64_t(response["errorCode"]));
    sums.offsets += uint64_t(int64_t(response["sessionId"]));
    std::vector<std::pair<std::string, uint64_t>> found;
    for (ondemand::object topic : response["responses"].get_array()) {
        std::string name(topic_of(topic));
        uint64_t bytes = 0;
        for (ondemand::object part : topic["partitions"].get_array()) {
            sums.offsets += uint64_t(int64_t(part["partitionIndex"]));
            sums.errors += uint64_t(int64_t(part["errorCode"]));
            sums.watermarks += uint64_t(int64_t(part["highWatermark"]));
            int64_t size;
            if (part["recordsSizeInBytes"].get_int64().get(size) == SUCCESS)
                bytes += uint64_t(size);
        }
        found.emplace_back(std::move(name), bytes);
    }
    std::string_view connection = line["connection"], principal = line["principal"];
    sums.offsets += connection.size();
    for (auto &[name, bytes] : found)
        sums.bytes[std::string(principal) + '\n' + name] += bytes;
}

int main(int argc, char **argv) {
    if (argc != 2)
        return fprintf(stderr, "usage: simdjson_pass FILE\n"), 2;
    int fd = open(argv[1], O_RDONLY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return perror(argv[1]), 1;
    std::vector<char> all(size_t(info.st_size) + SIMDJSON_PADDING);
    for (size_t at = 0; at < size_t(info.st_size);) {
        ssize_t n = read(fd, all.data() + at, size_t(info.st_size) - at);
        if (n <= 0)
            return perror("read"), 1;
        at += size_t(n);
    }
    static const char MARK[] = "Completed request:";
    ondemand::parser parser;
    Sums sums;
    const char *p = all.data(), *end = p + info.st_size;
    while (p < end) {
        const char *newline = static_cast<const char *>(memchr(p, '\n', size_t(end - p)));
        size_t len = size_t((newline ? newline : end) - p);
        const char *brace = len > 60 ? static_cast<const char *>(memchr(p, '{', 80 < len ? 80 : len)) : nullptr;
        if (brace && memcmp(brace - sizeof MARK + 1, MARK, sizeof MARK - 1) == 0) {
            const char *last = static_cast<const char *>(memrchr(brace, '}', len - size_t(brace - p)));
            size_t json = last ? size_t(last - brace) + 1 : 0;
            try {
                ondemand::document doc = parser.iterate(brace, json, size_t(end - brace) + SIMDJSON_PADDING);
                ondemand::object line = doc.get_object();
                int64_t key = line["requestHeader"]["requestApiKey"];
                sums.lines++;
                if (key == 1)
                    fetch(line, sums);
            } catch (simdjson_error &) {
                sums.errors++;
            }
        }
        p += len + 1;
    }
    uint64_t bytes = 0;
    for (auto &[key, value] : sums.bytes)
        bytes += value;
    printf("%llu lines, %llu bytes\n", (unsigned long long)sums.lines, (unsigned long long)bytes);
}
