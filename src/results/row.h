/* row.h - the inside of a row, for the commit. */
#ifndef SEEDBED_RESULTS_ROW_H
#define SEEDBED_RESULTS_ROW_H

#include "results/schema.h"

struct slab {
    enum results_type type;
    size_t text_bytes;
    int64_t items, bytes; /* 0: a fixed array */
    int64_t offset;       /* in data */
};

struct results_row {
    int slab_count; /* of schema->arrays */
    struct slab *slabs;
    int64_t bytes;
    uint64_t layout; /* hash of what stands where */
    unsigned char *data;
};

/* Zeros what stands after the end of each text of a text column, so that equal texts are equal bytes. */
void row_pad_texts(const struct results_row *row, int array);

/* Into a text column's fixed length of UTF-8: what does not fit is cut before the character it would split; bytes that
 * are no UTF-8 become '?', so that every reader can decode it. */
void row_copy_text(char *out, size_t bytes, const char *text);

#endif
