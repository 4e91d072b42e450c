/* units.c - the engine's columns of /trials or /pairs, as far as they say what of each unit is done. */
#include <stdio.h>

#include "base/memory.h"
#include "results/reader.h"

static enum status read_column(const struct results_reader *reader, enum results_table table, const char *name,
                               enum results_type type, void **out, struct error *error)
{
    char path[PATH_BYTES];
    int64_t count = 0;
    snprintf(path, sizeof path, "/%s/%s", table == TABLE_PAIRS ? "pairs" : "trials", name);
    TRY(results_read(reader, path, type, out, &count, error));
    if (count == (table == TABLE_PAIRS ? reader->pairs : reader->trials))
        return STATUS_OK;
    memory_free(*out);
    return fail(error, STATUS_BAD_RESULTS, "%s: is damaged: %s has %lld rows", reader->path, path, (long long)count);
}

static enum status read_all(const struct results_reader *reader, enum results_table table, struct results_units *out,
                            struct error *error)
{
    void *memory = NULL;
    out->count = table == TABLE_PAIRS ? reader->pairs : reader->trials;
    TRY(read_column(reader, table, "state", RESULTS_ENUM, &memory, error));
    out->state = memory;
    TRY(read_column(reader, table, "outcome", RESULTS_ENUM, &memory, error));
    out->outcome = memory;
    TRY(read_column(reader, table, "crashes", RESULTS_INT32, &memory, error));
    out->crashes = memory;
    TRY(read_column(reader, table, "checksum", RESULTS_UINT64, &memory, error));
    out->checksum = memory;
    TRY(read_column(reader, table, "session", RESULTS_INT32, &memory, error));
    out->session = memory;
    return STATUS_OK;
}

enum status results_read_units(const struct results_reader *reader, enum results_table table, struct results_units *out,
                               struct error *error)
{
    *out = (struct results_units){0};
    if (table == TABLE_PAIRS && results_reader_pairs(reader) == 0)
        return STATUS_OK;
    const enum status status = read_all(reader, table, out, error);
    if (status != STATUS_OK)
        results_units_free(out);
    return status;
}

void results_units_free(struct results_units *units)
{
    memory_free(units->state);
    memory_free(units->outcome);
    memory_free(units->crashes);
    memory_free(units->checksum);
    memory_free(units->session);
    *units = (struct results_units){0};
}
