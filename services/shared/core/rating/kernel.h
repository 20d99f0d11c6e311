// A kernel is a price function P(q) of rating.md chapter 5: one file kernel_<name>.c with one
// descriptor, and one entry in kernel_list.c. Its terms are its own: nobody else looks into them.
#ifndef WEIR_CORE_RATING_KERNEL_H
#define WEIR_CORE_RATING_KERNEL_H

#include "core/json/json_read.h"
#include "core/rating/proration.h"
#include "core/rating/rating.h"

// What a kernel is applied to.
struct kernel_input {
    struct decimal quantity; // billable; 0 if the kernel takes no usage
    // What the price selected of the usage, before conversion and included units: for a kernel that
    // looks at dimensions. Empty where only a total is known (what was billed before).
    const struct rating_usage *const *usage;
    size_t usage_count;
    struct proration days; // served of the period
    bool prorated;         // whether a fee is due for these days only
};

struct kernel {
    const char *name;                 // `type` in a plan
    bool takes_usage;                 // else it is a fee, due whatever the usage
    bool needs_metric;                // the price's `metric` says what it counts
    bool partial_billing;             // default of the price's field of this name (10.2)
    const char *const *fields;        // its members, `type` too; ends with NULL
    const struct json_default *later; // members that have only their default so far, or NULL
    // Reads the members, whose names are checked, into terms in the reader's arena.
    const void *(*parse)(const struct json_node *n);
    // The most rows it may write for this input; NULL: one.
    size_t (*rows_max)(const void *terms, const struct kernel_input *in);
    // Writes the rows, exact and unrounded, at least one; returns how many.
    size_t (*rows)(struct arena *a, const void *terms, const struct kernel_input *in,
                   struct rating_row *rows);
};

// Every kernel, in the order in which they are named to a reader; ends with NULL.
extern const struct kernel *const kernel_list[];

// The kernel that a `type` names; NULL, and an error at the node, if there is none.
const struct kernel *kernel_find(const struct json_node *type);
// Reads a price's `kernel`. The type is NULL only after an error.
struct plan_kernel kernel_parse(const struct json_node *n);
// What a price's own lines are: RATING_USAGE, or RATING_FIXED if its kernel takes no usage.
enum rating_kind kernel_kind(const struct plan_kernel *k);
// The room that kernel_rows needs.
size_t kernel_rows_max(const struct plan_kernel *k, const struct kernel_input *in);
// Step 3 of rating.md chapter 6: writes the kernel's rows, exact and unrounded; returns how many.
// A single row of nothing at no cost is left out.
size_t kernel_rows(struct arena *a, const struct plan_kernel *k, const struct kernel_input *in,
                   struct rating_row *rows);

#endif
