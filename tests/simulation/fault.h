// Faults that can be planted, to prove that the simulation finds them. They live here alone, in front
// of the product's functions.
#ifndef WEIR_TESTS_SIMULATION_FAULT_H
#define WEIR_TESTS_SIMULATION_FAULT_H

#include <stdbool.h>

enum fault {
    FAULT_NONE,
    FAULT_IGNORE_PREV,     // the meter takes a record though what is before it is missing
    FAULT_TAKE_AGAIN,      // … and one at or below the watermark
    FAULT_NO_COMPARE,      // a commit doesn't ask whether another meter was there
    FAULT_COMPARE_OFFSETS, // … or asks for the offset alone, which may stay where it is
    FAULT_TWO_COMMITS,     // usage and positions are two transactions
    FAULT_FORGET_STATES,   // at an assignment the counting states aren't loaded
    FAULT_LOSE_PARTS,      // some blocks are told as stored and aren't
    FAULT_CUT_LONG_LINES,  // a long line is taken without its last part
    FAULT_DONT_GO_BACK,    // the tap reads on behind a delivery that failed
    FAULT_KEEP_MEMORY,     // … goes back, but leaves out what it knows to have shipped before
    FAULT_EARLY_STATE,     // … writes into its state what isn't acknowledged
    FAULT_EARLY_CONTROL,   // … says that all is there before it is
    FAULTS,
};

extern enum fault fault_planted;

const char *fault_name(enum fault fault);
// FAULTS if there is none of that name.
enum fault fault_find(const char *name);

#endif
