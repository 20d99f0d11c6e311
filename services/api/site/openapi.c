// The document as bytes of the program.
#include "api/site/openapi.h"

// Assembled into the object, so that the program is one file: no path to get wrong. The build joins
// the document from api/openapi into its folder of made files, which is on the include path.
__asm__(".section .rodata\n"
        ".global openapi_begin\n"
        ".global openapi_end\n"
        "openapi_begin:\n"
        ".incbin \"openapi.json\"\n"
        "openapi_end:\n"
        ".byte 0\n"
        ".section .note.GNU-stack,\"\",@progbits\n"
        ".text\n");

extern const char openapi_begin[];
extern const char openapi_end[];

struct slice openapi_document(void) {
    return slice_of(openapi_begin, (size_t)(openapi_end - openapi_begin));
}
