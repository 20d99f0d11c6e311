// Linked into programs built for `make asan-stack`: what a sanitizer finds in any of them, started by
// whomever with whatever environment, becomes a file in one folder, and the folder has to stay empty.
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void) {
    return "log_path=" SANITIZER_REPORTS "/asan:detect_stack_use_after_return=1"
           ":print_suppressions=0"; // what is left out by name is no report
}

const char *__ubsan_default_options(void) {
    return "log_path=" SANITIZER_REPORTS "/ubsan:print_stacktrace=1";
}

// h2o keeps freed chunks in a list of each thread, and ends a thread without giving that list back.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:h2o_mem_alloc_recycle\n";
}
