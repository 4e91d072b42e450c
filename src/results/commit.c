/* commit.c - one trial's way into the file.
 * begin:  attempt + 1, state `running`.
 * commit: rows, the engine's columns with the checksum, all to disk, then the one byte that makes them count.
 * A crash at any point leaves either the whole trial or a row that no reader trusts and that may be written again. */
#include <endian.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "results/row.h"
#include "results/writer.h"

static enum status check_trial(const struct results_writer *writer, int64_t trial, struct error *error)
{
    const int64_t trials = writer->layout->dimensions[0].size;
    if (trial >= 0 && trial < trials)
        return STATUS_OK;
    return fail(error, STATUS_INTERNAL, "%s: there is no trial %lld among %lld", writer->path, (long long)trial,
                (long long)trials);
}

static enum status get_own(struct results_writer *writer, enum own_column column, int64_t trial, void *out,
                           struct error *error)
{
    return writer_get(writer, writer->layout->schema_array_count + (int)column, trial, out, error);
}

enum status results_begin(struct results_writer *writer, int64_t trial, struct error *error)
{
    TRY(check_trial(writer, trial, error));
    const uint8_t running = TRIAL_RUNNING;
    uint8_t before = TRIAL_WAITING;
    int32_t attempt = 0, crashes = 0;
    TRY(get_own(writer, OWN_STATE, trial, &before, error));
    TRY(get_own(writer, OWN_ATTEMPT, trial, &attempt, error));
    TRY(get_own(writer, OWN_CRASHES, trial, &crashes, error));
    attempt++;
    TRY(writer_put_own(writer, OWN_ATTEMPT, trial, &attempt, error));
    TRY(writer_put_own(writer, OWN_STATE, trial, &running, error));
    /* Rows that counted are about to be overwritten: that they no longer count must be on disk first. */
    if (before == TRIAL_COMMITTED)
        TRY(writer_sync(writer, error));
    writer->crashes_to_note = (int32_t)htole32((uint32_t)crashes + 1);
    atomic_store(&writer->in_flight, trial);
    return STATUS_OK;
}

static enum status put_rows(struct results_writer *writer, int64_t trial, const struct results_row *row,
                            struct error *error)
{
    for (int a = 0; a < row->slab_count; a++) {
        if (row->slabs[a].bytes == 0)
            continue;
        row_pad_texts(row, a);
        TRY(writer_put(writer, a, trial, row->data + row->slabs[a].offset, error));
    }
    return STATUS_OK;
}

/* As results_checksum computes it from the file. */
static uint64_t row_checksum(const struct results_writer *writer, const struct results_row *row, uint8_t outcome,
                             const char message[MESSAGE_BYTES])
{
    uint64_t checksum = 0;
    for (int i = 0; i < writer->checksum_count; i++) {
        const struct slab *slab = &row->slabs[writer->checksum_order[i]];
        checksum = hash_bytes64(row->data + slab->offset, (size_t)slab->bytes, checksum);
    }
    checksum = hash_bytes64(&outcome, 1, checksum);
    return hash_bytes64(message, MESSAGE_BYTES, checksum);
}

static enum status put_ending(struct results_writer *writer, int64_t trial, const struct results_row *row,
                              const struct trial_ending *ending, struct error *error)
{
    const uint8_t outcome = (uint8_t)ending->outcome;
    char message[MESSAGE_BYTES], host[HOST_BYTES];
    row_copy_text(message, sizeof message, ending->message);
    row_copy_text(host, sizeof host, ending->host);
    const uint64_t checksum = row_checksum(writer, row, outcome, message);
    TRY(writer_put_own(writer, OWN_SECONDS, trial, &ending->seconds, error));
    TRY(writer_put_own(writer, OWN_SAMPLES_PER_SECOND, trial, &ending->samples_per_second, error));
    TRY(writer_put_own(writer, OWN_RANK, trial, &ending->rank, error));
    TRY(writer_put_own(writer, OWN_HOST, trial, host, error));
    TRY(writer_put_own(writer, OWN_SESSION, trial, &writer->session, error));
    TRY(writer_put_own(writer, OWN_MESSAGE, trial, message, error));
    TRY(writer_put_own(writer, OWN_OUTCOME, trial, &outcome, error));
    return writer_put_own(writer, OWN_CHECKSUM, trial, &checksum, error);
}

enum status results_commit(struct results_writer *writer, int64_t trial, const struct results_row *row,
                           const struct trial_ending *ending, struct error *error)
{
    const uint8_t committed = TRIAL_COMMITTED;
    TRY(check_trial(writer, trial, error));
    TRY(put_rows(writer, trial, row, error));
    TRY(put_ending(writer, trial, row, ending, error));
    TRY(writer_sync(writer, error));
    TRY(writer_put_own(writer, OWN_STATE, trial, &committed, error));
    atomic_store(&writer->in_flight, -1);
    return STATUS_OK;
}

void results_note_crash(struct results_writer *writer)
{
    if (writer == NULL)
        return;
    const int64_t trial = atomic_load(&writer->in_flight);
    if (trial < 0)
        return;
    const off_t offset = (off_t)(writer->crashes_offset + trial * (int64_t)sizeof(int32_t));
    const ssize_t written =
        pwrite(writer->descriptor, &writer->crashes_to_note, sizeof writer->crashes_to_note, offset);
    (void)written; /* nobody is left who could be told */
}
