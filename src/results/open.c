/* open.c - an existing file becomes one that all ranks write to.
 * Rank 0 takes the locks; every rank checks the file by itself, serially; only when all are well comes the collective
 * opening through MPI-IO. From here on nobody changes metadata, and every write is independent. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "results/lock.h"
#include "results/parallel.h"
#include "results/reader.h"
#include "results/second_run.h"
#include "results/texts.h"
#include "results/writer.h"

static enum status take_locks(const struct results_writer *writer, struct error *error)
{
    switch (lock_take(writer->descriptor)) {
    case LOCK_HELD:
    case LOCK_FREE:
        return second_run_check(writer->path, true, beat_patience, error);
    case LOCK_BY_RUN:
        return second_run_refuse(writer->path, error);
    case LOCK_BY_PROGRAM:
        return fail(error, STATUS_IO,
                    "%s: another program has this file open for writing (h5py 'r+' or 'a'?): close it", writer->path);
    case LOCK_UNSUPPORTED:
        log_warning("%s: this file system has no locks (%s): make sure that only one run writes to the file",
                    writer->path, strerror(errno));
    }
    return second_run_check(writer->path, false, beat_patience, error);
}

static enum status open_descriptor(struct results_writer *writer, struct error *error)
{
    writer->descriptor = open(writer->path, O_RDWR | O_CLOEXEC);
    if (writer->descriptor < 0)
        return fail(error, STATUS_IO, "%s: cannot be opened for writing by rank %d: %s%s", writer->path, writer->rank,
                    strerror(errno), writer->rank == 0 ? "" : ": put it where every rank can");
    TRY(watch_begin(&writer->watch, writer->descriptor, writer->path, error));
    return writer->rank == 0 ? take_locks(writer, error) : STATUS_OK;
}

/* The next free row of /sessions; the last one again when all are used. */
static enum status choose_session(struct results_writer *writer, const struct results_reader *reader,
                                  struct error *error)
{
    int index = -1;
    TRY(results_read_last_session(reader, &writer->before, &index, error));
    writer->session = index + 1 < SESSION_CAPACITY ? index + 1 : SESSION_CAPACITY - 1;
    return STATUS_OK;
}

static int table_count(const struct layout *layout)
{
    return layout->pairs > 0 ? TABLE_COUNT : 1;
}

/* Where a process that dies says so. */
static enum status find_crashes(struct results_writer *writer, const struct results_reader *reader, struct error *error)
{
    for (int table = 0; table < table_count(writer->layout); table++) {
        char path[PATH_BYTES];
        array_path(&writer->layout->arrays[layout_own(writer->layout, (enum results_table)table, OWN_CRASHES)], path);
        const haddr_t offset = H5Dget_offset(reader_find(reader, path)->dataset);
        if (offset == HADDR_UNDEF)
            return fail(error, STATUS_BAD_RESULTS, "%s: its datasets are not contiguous", writer->path);
        writer->crashes_offset[table] = (int64_t)offset;
    }
    return STATUS_OK;
}

static enum status check_file(struct results_writer *writer, const struct results_schema *schema, struct error *error)
{
    struct results_reader *reader = NULL;
    TRY(reader_open_sound(writer->path, &reader, error));
    enum status status = results_check_schema(reader, schema, error);
    if (status == STATUS_OK)
        status = find_crashes(writer, reader, error);
    if (status == STATUS_OK && writer->rank == 0)
        status = choose_session(writer, reader, error);
    results_reader_close(&reader);
    return status;
}

static void prepare_target(struct results_writer *writer, int index)
{
    const struct results_array *array = &writer->layout->arrays[index];
    struct target *target = &writer->targets[index];
    char path[PATH_BYTES];
    array_path(array, path);
    target->rank = array_file_shape(writer->layout, array, target->slab);
    target->slab[0] = 1;
    target->dataset = H5Dopen2(writer->file, path, H5P_DEFAULT);
    target->file_space = H5Dget_space(target->dataset);
    target->memory_space = H5Screate_simple(target->rank, target->slab, NULL);
    target->memory_type = row_memory_type(array->type, array->enum_names);
}

static enum status prepare_targets(struct results_writer *writer, struct error *error)
{
    for (int a = 0; a < writer->layout->array_count; a++) {
        if (!array_is_row(&writer->layout->arrays[a]))
            continue;
        prepare_target(writer, a);
        if (writer->targets[a].dataset < 0 || writer->targets[a].file_space < 0)
            return h5_fail(error, STATUS_IO, writer->path, "a dataset cannot be opened through MPI-IO");
    }
    return STATUS_OK;
}

static int compare_by_path(const void *a, const void *b, void *context)
{
    const struct results_array *arrays = context;
    char first[PATH_BYTES], second[PATH_BYTES];
    array_path(&arrays[*(const int *)a], first);
    array_path(&arrays[*(const int *)b], second);
    return strcmp(first, second);
}

static void order_for_checksum(struct results_writer *writer, enum results_table table)
{
    struct layout *layout = writer->layout;
    int *order = writer->checksum_order[table];
    int count = 0;
    for (int a = 0; a < layout->schema_array_count; a++)
        if (array_is_row_of(&layout->arrays[a], layout->pair_dimension, table) && layout->arrays[a].reproducible)
            order[count++] = a;
    qsort_r(order, (size_t)count, sizeof *order, compare_by_path, layout->arrays);
    writer->checksum_count[table] = count;
}

static void release(struct results_writer **writer)
{
    struct results_writer *it = *writer;
    for (int a = 0; it->targets != NULL && a < it->layout->array_count; a++) {
        if (it->targets[a].dataset > 0)
            H5Dclose(it->targets[a].dataset);
        if (it->targets[a].file_space > 0)
            H5Sclose(it->targets[a].file_space);
        if (it->targets[a].memory_space > 0)
            H5Sclose(it->targets[a].memory_space);
        if (it->targets[a].memory_type > 0)
            H5Tclose(it->targets[a].memory_type);
    }
    if (it->file > 0)
        H5Fclose(it->file);
    if (it->descriptor >= 0)
        close(it->descriptor);
    layout_destroy(&it->layout);
    memory_free(it->targets);
    for (int table = 0; table < TABLE_COUNT; table++) {
        memory_free(it->checksum_order[table]);
        results_row_destroy(&it->served[table]);
    }
    memory_free(it->path);
    memory_free(it);
    *writer = NULL;
}

static enum status allocate_parts(struct results_writer *writer, const char *path, const struct results_schema *schema,
                                  struct error *error)
{
    void *memory = NULL;
    TRY(memory_allocate(&memory, strlen(path) + 1, 1, "path", error));
    writer->path = memory;
    memcpy(writer->path, path, strlen(path) + 1);
    TRY(layout_create(schema, &writer->layout, error));
    const size_t arrays = (size_t)writer->layout->array_count;
    TRY(memory_allocate(&memory, arrays, sizeof *writer->targets, "datasets of the results file", error));
    writer->targets = memory;
    for (int table = 0; table < TABLE_COUNT; table++) {
        TRY(memory_allocate(&memory, arrays, sizeof(int), "order of the checksum", error));
        writer->checksum_order[table] = memory;
        order_for_checksum(writer, (enum results_table)table);
    }
    return STATUS_OK;
}

/* What each rank does alone before the collective opening. */
static enum status prepare_alone(struct results_writer *writer, const char *path, const struct results_schema *schema,
                                 struct error *error)
{
    TRY(allocate_parts(writer, path, schema, error));
    TRY(open_descriptor(writer, error));
    return check_file(writer, schema, error);
}

static enum status open_through_mpi(struct results_writer *writer, struct error *error)
{
    writer->file = parallel_open_file(writer->by_root ? NULL : writer->communicator, writer->path);
    return writer->file >= 0 ? STATUS_OK : h5_fail(error, STATUS_IO, writer->path, "cannot be opened through MPI-IO");
}

static enum status open_together(struct results_writer *writer, struct error *error)
{
    const void *communicator = writer->communicator;
    const bool writes = !writer->by_root || writer->rank == 0;
    TRY(parallel_broadcast(communicator, &writer->session, error));
    TRY(parallel_agree(communicator, writes ? open_through_mpi(writer, error) : STATUS_OK, error));
    return parallel_agree(communicator, writes ? prepare_targets(writer, error) : STATUS_OK, error);
}

/* remote: NULL when all ranks write. */
static enum status open_writer(const char *path, const struct results_schema *schema, const void *communicator,
                               const struct results_remote *remote, struct results_writer **out, struct error *error)
{
    h5_quiet();
    int rank = 0;
    TRY(parallel_rank(communicator, &rank, error));
    void *memory = NULL;
    TRY(parallel_agree(communicator, memory_allocate(&memory, 1, sizeof(struct results_writer), "writer", error),
                       error));
    struct results_writer *writer = memory;
    writer->communicator = communicator;
    writer->schema = schema;
    writer->by_root = remote != NULL;
    writer->remote = rank == 0 ? NULL : remote;
    writer->rank = rank;
    writer->descriptor = -1;
    enum status status = parallel_agree(communicator, prepare_alone(writer, path, schema, error), error);
    if (status == STATUS_OK)
        status = open_together(writer, error);
    if (status != STATUS_OK) {
        release(&writer);
        return status;
    }
    *out = writer;
    return STATUS_OK;
}

const struct results_session *results_session_before(const struct results_writer *writer)
{
    return &writer->before;
}

enum status results_open(const char *path, const struct results_schema *schema, const void *communicator,
                         struct results_writer **out, struct error *error)
{
    return open_writer(path, schema, communicator, NULL, out, error);
}

enum status results_open_by_root(const char *path, const struct results_schema *schema, const void *communicator,
                                 const struct results_remote *remote, struct results_writer **out, struct error *error)
{
    return open_writer(path, schema, communicator, remote, out, error);
}

enum status results_close(struct results_writer **writer, struct error *error)
{
    if (*writer == NULL)
        return STATUS_OK;
    const void *communicator = (*writer)->communicator;
    const enum status status = (*writer)->remote != NULL ? STATUS_OK : writer_sync(*writer, error);
    release(writer);
    return parallel_agree(communicator, status, error);
}

enum status results_close_alone(struct results_writer **writer, struct error *error)
{
    if (*writer == NULL)
        return STATUS_OK;
    const enum status status = writer_sync(*writer, error);
    close((*writer)->descriptor);
    *writer = NULL;
    return status;
}
