/* commit.c - one unit's way into the file.
 * begin:  attempt + 1, state `running`.
 * write:  rows, the engine's columns with the checksum.
 * settle: all that was written to disk, then the one byte of each unit that makes it count.
 * A crash at any point leaves either the whole unit or a row that no reader trusts and that may be written again. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "results/remote.h"
#include "results/row.h"
#include "results/writer.h"

/* A unit of an open file, found. */
struct place {
    struct results_writer *writer;
    enum results_table table;
    int64_t row;
};

static enum status find_place(struct results_writer *writer, int64_t unit, struct place *out, struct error *error)
{
    const struct layout *layout = writer->layout;
    *out = (struct place){.writer = writer};
    if (unit < 0 || unit >= layout->trials + layout->pairs)
        return fail(error, STATUS_INTERNAL, "%s: there is no unit %lld among %lld trials and %lld pairs", writer->path,
                    (long long)unit, (long long)layout->trials, (long long)layout->pairs);
    out->table = layout_table(layout, unit, &out->row);
    return STATUS_OK;
}

static enum status get_own(const struct place *place, enum own_column column, void *out, struct error *error)
{
    return writer_get(place->writer, layout_own(place->writer->layout, place->table, column), place->row, out, error);
}

static enum status put_own(const struct place *place, enum own_column column, const void *data, struct error *error)
{
    return writer_put(place->writer, layout_own(place->writer->layout, place->table, column), place->row, data, error);
}

static bool is_written(const struct results_writer *writer, int64_t unit)
{
    for (int i = 0; i < writer->written_count; i++)
        if (writer->written[i] == unit)
            return true;
    return false;
}

/* For a unit that counted and is tried again because somebody asked for it. Its rows are about to be overwritten: that
 * they no longer count must be on disk first. */
static enum status count_anew(const struct place *place, struct error *error)
{
    const int32_t crashes = 0;
    TRY(put_own(place, OWN_CRASHES, &crashes, error));
    return writer_sync(place->writer, error);
}

enum status writer_begin(struct results_writer *writer, int64_t unit, struct error *error)
{
    const uint8_t running = TRIAL_RUNNING;
    uint8_t before = TRIAL_WAITING;
    int32_t attempt = 0;
    struct place place;
    TRY(find_place(writer, unit, &place, error));
    TRY(writer_check_file(writer, error));
    if (is_written(writer, unit)) /* or settling the others would make half of its new row count */
        TRY(results_settle(writer, error));
    TRY(get_own(&place, OWN_STATE, &before, error));
    TRY(get_own(&place, OWN_ATTEMPT, &attempt, error));
    attempt++;
    TRY(put_own(&place, OWN_ATTEMPT, &attempt, error));
    TRY(put_own(&place, OWN_STATE, &running, error));
    return before == TRIAL_COMMITTED ? count_anew(&place, error) : STATUS_OK;
}

enum status results_begin(struct results_writer *writer, int64_t unit, struct error *error)
{
    struct place place;
    TRY(find_place(writer, unit, &place, error));
    TRY(writer->remote != NULL ? remote_begin(writer, unit, error) : writer_begin(writer, unit, error));
    if (writer->flight != NULL)
        atomic_store(&writer->flight->offset,
                     writer->crashes_offset[place.table] + place.row * (int64_t)sizeof(int32_t));
    return STATUS_OK;
}

enum status results_revoke(struct results_writer *writer, int64_t unit, struct error *error)
{
    const uint8_t waiting = TRIAL_WAITING;
    struct place place;
    TRY(find_place(writer, unit, &place, error));
    TRY(put_own(&place, OWN_STATE, &waiting, error));
    return writer_sync(writer, error);
}

enum status results_outcome(struct results_writer *writer, int64_t trial, enum trial_outcome *out, struct error *error)
{
    struct place place;
    uint8_t outcome = OUTCOME_NONE;
    if (writer->remote != NULL)
        return remote_outcome(writer, trial, out, error);
    TRY(find_place(writer, trial, &place, error));
    TRY(get_own(&place, OWN_OUTCOME, &outcome, error));
    *out = (enum trial_outcome)outcome;
    return STATUS_OK;
}

enum status results_standing(struct results_writer *writer, int64_t unit, struct unit_standing *out,
                             struct error *error)
{
    struct place place;
    uint8_t state = TRIAL_WAITING, outcome = OUTCOME_NONE;
    int32_t session = -1, crashes = 0;
    if (writer->remote != NULL)
        return remote_standing(writer, unit, out, error);
    TRY(find_place(writer, unit, &place, error));
    TRY(get_own(&place, OWN_STATE, &state, error));
    TRY(get_own(&place, OWN_SESSION, &session, error));
    TRY(get_own(&place, OWN_OUTCOME, &outcome, error));
    TRY(get_own(&place, OWN_CRASHES, &crashes, error));
    *out = (struct unit_standing){.state = (enum trial_state)state,
                                  .outcome = (enum trial_outcome)outcome,
                                  .this_session = session == writer->session,
                                  .crashes = crashes};
    return STATUS_OK;
}

static enum status put_rows(const struct place *place, const struct results_row *row, struct error *error)
{
    for (int a = 0; a < row->slab_count; a++) {
        if (row->slabs[a].bytes == 0)
            continue;
        row_pad_texts(row, a);
        TRY(writer_put(place->writer, a, place->row, row->data + row->slabs[a].offset, error));
    }
    return STATUS_OK;
}

/* As results_checksum computes it from the file. */
static uint64_t row_checksum(const struct place *place, const struct results_row *row, uint8_t outcome,
                             const char message[MESSAGE_BYTES])
{
    uint64_t checksum = 0;
    for (int i = 0; i < place->writer->checksum_count[place->table]; i++) {
        const struct slab *slab = &row->slabs[place->writer->checksum_order[place->table][i]];
        checksum = hash_bytes64(row->data + slab->offset, (size_t)slab->bytes, checksum);
    }
    checksum = hash_bytes64(&outcome, 1, checksum);
    return hash_bytes64(message, MESSAGE_BYTES, checksum);
}

static enum status put_ending(const struct place *place, const struct results_row *row,
                              const struct trial_ending *ending, struct error *error)
{
    const uint8_t outcome = (uint8_t)ending->outcome;
    char message[MESSAGE_BYTES], host[HOST_BYTES];
    row_copy_text(message, sizeof message, ending->message);
    row_copy_text(host, sizeof host, ending->host);
    const uint64_t checksum = row_checksum(place, row, outcome, message);
    TRY(put_own(place, OWN_SECONDS, &ending->seconds, error));
    TRY(put_own(place, OWN_SAMPLES_PER_SECOND, &ending->samples_per_second, error));
    TRY(put_own(place, OWN_RANK, &ending->rank, error));
    TRY(put_own(place, OWN_HOST, host, error));
    TRY(put_own(place, OWN_SESSION, &place->writer->session, error));
    TRY(put_own(place, OWN_MESSAGE, message, error));
    TRY(put_own(place, OWN_OUTCOME, &outcome, error));
    return put_own(place, OWN_CHECKSUM, &checksum, error);
}

enum status writer_write(struct results_writer *writer, int64_t unit, const struct results_row *row,
                         const struct trial_ending *ending, struct error *error)
{
    struct place place;
    TRY(find_place(writer, unit, &place, error));
    if (writer->written_count == WRITTEN_MAX)
        TRY(results_settle(writer, error));
    TRY(writer_check_file(writer, error));
    TRY(put_rows(&place, row, error));
    TRY(put_ending(&place, row, ending, error));
    writer->written[writer->written_count++] = unit;
    return STATUS_OK;
}

enum status results_write(struct results_writer *writer, int64_t unit, const struct results_row *row,
                          const struct trial_ending *ending, struct error *error)
{
    TRY(writer->remote != NULL ? remote_write(writer, unit, row, ending, error)
                               : writer_write(writer, unit, row, ending, error));
    if (writer->flight != NULL)
        atomic_store(&writer->flight->offset, 0);
    return STATUS_OK;
}

enum status results_settle(struct results_writer *writer, struct error *error)
{
    const uint8_t committed = TRIAL_COMMITTED;
    if (writer->remote != NULL)
        return remote_settle(writer, error);
    if (writer->written_count == 0)
        return STATUS_OK;
    if (writer->unsettled) /* the kernel says so once only */
        return fail(error, STATUS_IO, "%s: rows could not be brought to disk before: go on with --resume",
                    writer->path);
    TRY(writer_sync(writer, error));
    TRY(writer_check_file(writer, error));
    for (int i = 0; i < writer->written_count; i++) {
        struct place place;
        TRY(find_place(writer, writer->written[i], &place, error));
        TRY(put_own(&place, OWN_STATE, &committed, error));
    }
    writer->written_count = 0;
    return STATUS_OK;
}

enum status results_commit(struct results_writer *writer, int64_t unit, const struct results_row *row,
                           const struct trial_ending *ending, struct error *error)
{
    TRY(results_write(writer, unit, row, ending, error));
    return results_settle(writer, error);
}

void results_show_flight(struct results_writer *writer, struct results_flight *flight)
{
    if (writer->flight != NULL)
        atomic_store(&writer->flight->offset, 0);
    writer->flight = flight;
    if (flight == NULL)
        return;
    snprintf(flight->path, sizeof flight->path, "%s", writer->path);
    flight->device = writer->watch.device;
    flight->inode = writer->watch.inode;
}

/* What cannot be written is lost: nobody is left who could be told. */
void results_note_crash(struct results_flight *flight)
{
    struct stat there;
    uint32_t crashes = 0;
    const off_t offset = (off_t)atomic_exchange(&flight->offset, 0);
    const int file = offset == 0 ? -1 : open(flight->path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    if (fstat(file, &there) == 0 && there.st_dev == flight->device && there.st_ino == flight->inode &&
        pread(file, &crashes, sizeof crashes, offset) == sizeof crashes) {
        crashes = htole32(le32toh(crashes) + 1);
        while (pwrite(file, &crashes, sizeof crashes, offset) < 0 && errno == EINTR)
            ;
    }
    close(file);
}
