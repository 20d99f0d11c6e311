// The format of a state:
//   byte version, then varints (LEB128; signed ones zigzag). Times as distance from last_us.
// Version 1 (releases before 4.6 of the counting rule) and 2 (before batches had sizes) are read, 3 is
// written.
#ifndef WEIR_CORE_USAGE_USAGE_BLOB_FORMAT_H
#define WEIR_CORE_USAGE_USAGE_BLOB_FORMAT_H

enum { USAGE_BLOB_VERSION_1 = 1, USAGE_BLOB_VERSION_2 = 2, USAGE_BLOB_VERSION = 3 };

// Flags of a position; version 1 has the first three.
enum {
    USAGE_BLOB_KNOWN = 1,
    USAGE_BLOB_RUNNING = 2,
    USAGE_BLOB_UNCLOSED = 4,
    USAGE_BLOB_RESET = 8,
    USAGE_BLOB_RAN = 16, // its run's beginning follows
};
// Flags of a fetch, with its claim among them. Without USAGE_BLOB_ARRIVED, as the release before
// wrote it, it was counted where it was completed, and stays there.
enum {
    USAGE_BLOB_REPLAY = 1,
    USAGE_BLOB_NEXT = 2,
    USAGE_BLOB_FIGURE = 4,
    USAGE_BLOB_DUE = 8,
    USAGE_BLOB_OFFSET = 16,
    USAGE_BLOB_SEEK = 32,
    USAGE_BLOB_CLAIM_SHIFT = 6, // three bits
    USAGE_BLOB_CLAIM_MASK = 7,
    USAGE_BLOB_ARRIVED = 512, // when its request arrived follows
};
// Flags of a slot's batches, with their number above them; before version 3 the first alone.
enum {
    USAGE_BLOB_DROPPED = 1,
    USAGE_BLOB_HANDED_OVER = 2,
    USAGE_BLOB_BATCHES_SHIFT = 2,
};
// Version 1.
enum {
    USAGE_BLOB_1_REPLAY = 1,
    USAGE_BLOB_1_SAME = 2,
    USAGE_BLOB_1_OTHER = 4,
    USAGE_BLOB_1_NEXT = 8,
    USAGE_BLOB_1_CLAIM_SHIFT = 4,
};

#endif
