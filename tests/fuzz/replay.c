// Runs a fuzz target over every file of the folders (or files) given, without a fuzzing engine: the
// corpus as an ordinary test.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 * 1024 * 1024, PATH_TEXT_MAX = 4096 };

static size_t inputs;

static int run_file(const char *path) {
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);
    if (f == NULL || data == NULL) {
        fprintf(stderr, "%s: can't be read\n", path);
        if (f != NULL) {
            fclose(f);
        }
        free(data);
        return 1;
    }
    size_t size = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    // Exact size, so that a sanitizer sees a read past the end.
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL) {
        free(data);
        return 1;
    }
    memcpy(exact, data, size);
    free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs++;
    return 0;
}

static int run_folder(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        fprintf(stderr, "%s: can't be opened\n", path);
        return 1;
    }
    int failed = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char file[PATH_TEXT_MAX];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        failed |= run_file(file);
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0) {
            fprintf(stderr, "%s: no such file\n", argv[i]);
            return 1;
        }
        failed |= S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%s: %zu inputs\n", argv[0], inputs);
    return failed != 0 || inputs == 0;
}
