/* results.h - one HDF5 file for a whole sweep: laid out once, then only rows are written.
 *
 * The layer knows arrays, not what they mean: a schema lists dimensions, fixed arrays (written when the file is made)
 * and row columns (leading dimension `trial`, written trial by trial; or `pair`). It adds its own columns to /trials
 * (`state`, `outcome`, `attempt`, `crashes`, `checksum`, `message`, `seconds`, ...), to /pairs the same, and the table
 * /sessions. What is committed by itself is a unit: the trials are units 0, 1, ..., and the pairs follow.
 *
 * Commit order of a unit, or of several together: rows, then checksum and outcome, then data to disk, then the state
 * byte. A reader trusts only rows whose state is `committed`. */
#ifndef SEEDBED_RESULTS_RESULTS_H
#define SEEDBED_RESULTS_RESULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "seedbed/status.h"

enum results_type {
    RESULTS_UINT8,
    RESULTS_INT16,
    RESULTS_INT32,
    RESULTS_INT64,
    RESULTS_UINT64,
    RESULTS_FLOAT32,
    RESULTS_FLOAT64,
    RESULTS_TEXT, /* UTF-8, in memory padded with zeros, text_bytes each; in the file as in texts.h */
    RESULTS_ENUM  /* uint8 with names */
};

enum { RESULTS_RANK_MAX = 6, RESULTS_NAME_BYTES = 96 };

/* A dimension scale at the root. */
struct results_dimension {
    char name[RESULTS_NAME_BYTES];
    int64_t size;           /* >= 1 */
    enum results_type type; /* of coordinates */
    size_t text_bytes;
    const void *coordinates; /* [size]; lent; NULL: 0, 1, ... as int64 */
    char long_name[256], units[32];
};

/* A dataset /<group>/<name>. */
struct results_array {
    char group[RESULTS_NAME_BYTES], name[RESULTS_NAME_BYTES];
    enum results_type type;
    size_t text_bytes;                /* RESULTS_TEXT */
    const char *const *enum_names;    /* RESULTS_ENUM; ends with NULL; static */
    int rank;                         /* 0: a scalar dataset */
    int dimensions[RESULTS_RANK_MAX]; /* indices into schema.dimensions */
    char units[32], long_name[256];
    bool reproducible; /* covered by the bit guarantee and, for rows, by the checksum */
    const void *data;  /* fixed content, lent until the file is made; NULL: a row column, first dimension `trial` */
    bool optional;     /* some trials of the sweep have nothing in it: a file with such trials only may lack it */
};

/* A text or integer attribute of the root or of a group. */
struct results_attribute {
    char group[RESULTS_NAME_BYTES], name[RESULTS_NAME_BYTES];
    const char *text; /* lent; NULL: integer */
    int64_t integer;
};

/* dimensions[0] is `trial`. Arrays are lent by whoever made the schema. Every rank makes the same one. */
struct results_schema {
    const struct results_dimension *dimensions;
    int dimension_count;
    const struct results_array *arrays;
    int array_count;
    const struct results_attribute *attributes;
    int attribute_count;
    int pair_dimension; /* index of `pair`; 0: there are no pairs */
};

enum results_table { TABLE_TRIALS, TABLE_PAIRS, TABLE_COUNT };

enum trial_state { TRIAL_WAITING, TRIAL_RUNNING, TRIAL_COMMITTED };
enum trial_outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_DIVERGED, OUTCOME_TIMEOUT, OUTCOME_FAILED, OUTCOME_COUNT };

/* "waiting"..., "none"...; end with NULL: enum names in the file and words in messages. */
extern const char *const trial_state_names[];
extern const char *const trial_outcome_names[];

enum { MESSAGE_BYTES = 256, HOST_BYTES = 64 };

/* How a trial ended: the engine's own columns of /trials. */
struct trial_ending {
    enum trial_outcome outcome;
    char message[MESSAGE_BYTES]; /* empty when done */
    double seconds;              /* not reproducible, as all below */
    double samples_per_second;
    int32_t rank;
    char host[HOST_BYTES];
};

/* *bytes = of the file when every row is written. STATUS_INTERNAL when the schema contradicts itself. */
enum status results_measure(const struct results_schema *schema, int64_t *bytes, struct error *error);

/* Makes the file under a temporary name beside path, whole, synced, and renames it. Refuses an existing path and what
 * does not fit on the disk. Rank 0 alone. */
enum status results_create(const char *path, const struct results_schema *schema, struct error *error);

/* "HDF5 1.10.8": for provenance. */
void results_library(char *text, size_t bytes);

/* An open file that rows are written to. */
struct results_writer;

/* Opens for writing on all ranks. communicator: an MPI_Comm by address, lent until results_close. Errors are agreed
 * before anything collective. Refused while another run writes to the file. Collective. */
enum status results_open(const char *path, const struct results_schema *schema, const void *communicator,
                         struct results_writer **out, struct error *error);
/* A way to rank 0 for ranks that do not write themselves. call: sends the bytes to rank 0, which hands them to
 * results_serve, and waits for what that put into its reply. */
struct results_remote {
    void *context;
    enum status (*call)(void *context, const void *request, size_t bytes, void *reply, size_t reply_bytes,
                        struct error *error);
};

/* The same as results_open where rank 0 writes for all: for file systems that refuse independent writes. remote: lent
 * until results_close; not used on rank 0. Collective. */
enum status results_open_by_root(const char *path, const struct results_schema *schema, const void *communicator,
                                 const struct results_remote *remote, struct results_writer **out, struct error *error);
/* Does what another rank asked for; its failure is part of the reply, which is zeroed. Rank 0. */
void results_serve(struct results_writer *writer, const void *request, size_t bytes, void *reply, size_t reply_bytes);

/* Whether another run writes to the file, for one that has not opened it itself: by its lock, else by its last session,
 * which may take half a minute of watching. False without a file, or where it cannot be read. Rank 0. */
bool results_in_use(const char *path);

/* Whether ranks can write to one file beside path independently of each other: STATUS_IO or STATUS_MPI with the reason,
 * the same on all ranks. Collective. */
enum status results_try_independent(const char *path, const void *communicator, struct error *error);

/* Collective. */
enum status results_close(struct results_writer **writer, struct error *error);
/* The same by one rank alone, where others may be gone: everything is on disk and the locks are free, but the process
 * is to end without returning what HDF5 and MPI hold. */
enum status results_close_alone(struct results_writer **writer, struct error *error);

/* One unit's rows in memory, in the file's types, reused from unit to unit of the same table. Owned by the caller. */
struct results_row;
enum status results_row_create(const struct results_schema *schema, enum results_table table, struct results_row **out,
                               struct error *error);
void results_row_destroy(struct results_row **row);
/* Bytes that a row of the table takes, and those of the fixed arrays' data, which are in memory while the file is made.
 */
void results_memory(const struct results_schema *schema, enum results_table table, int64_t *row, int64_t *fixed);
/* Sets everything to absent: NaN, -1, 0 for unsigned, "" for text. */
void results_row_clear(struct results_row *row);
/* Lends the slab of schema->arrays[array]: its dimensions without the first; NULL when it is not of the row's table. */
void *results_row_data(struct results_row *row, int array);

/* The whole row as bytes, for a copy that is put back into a row of the same layout: same arrays, types and sizes. */
void *results_row_bytes(struct results_row *row, size_t *bytes);
uint64_t results_row_layout(const struct results_row *row);

/* Writes that the unit is about to run: attempt + 1, state running. Any rank, alone, for a unit that it was given. */
enum status results_begin(struct results_writer *writer, int64_t unit, struct error *error);

/* How a committed trial ended. Any rank. */
enum status results_outcome(struct results_writer *writer, int64_t trial, enum trial_outcome *out, struct error *error);

/* What the file says of a unit, whoever wrote it. Any rank. */
struct unit_standing {
    enum trial_state state;
    enum trial_outcome outcome;
    bool this_session; /* it was written in this session */
    int32_t crashes;
};
enum status results_standing(struct results_writer *writer, int64_t unit, struct unit_standing *out,
                             struct error *error);

/* Reads back what was committed of a trial: the slab of schema->arrays[array] into out, in memory types. Any rank. */
enum status results_fetch(struct results_writer *writer, int array, int64_t trial, void *out, struct error *error);

/* A committed row no longer counts. On disk when it returns. Rank 0. */
enum status results_revoke(struct results_writer *writer, int64_t unit, struct error *error);

/* Writes a unit's row, which counts once results_settle has returned. STATUS_NO_SPACE or STATUS_IO: not written. Any
 * rank, alone. */
enum status results_write(struct results_writer *writer, int64_t unit, const struct results_row *row,
                          const struct trial_ending *ending, struct error *error);
/* Commits every unit that this rank has written, with one wait for the disk. After an error some may not be. Any rank,
 * alone. */
enum status results_settle(struct results_writer *writer, struct error *error);
/* Both. */
enum status results_commit(struct results_writer *writer, int64_t unit, const struct results_row *row,
                           const struct trial_ending *ending, struct error *error);

/* Which unit a process is at, so that its death can be noted: by itself from a signal handler, or by another process
 * where this lies in memory that they share. All zeros: no file yet. */
struct results_flight {
    char path[4096];        /* of the file; "": none */
    uint64_t device, inode; /* of the file that path led to */
    atomic_llong offset;    /* where the unit's `crashes` stands in the file; 0: none is in flight */
};

/* From now on *flight, lent, says what this process is at; NULL: no longer. Any rank. */
void results_show_flight(struct results_writer *writer, struct results_flight *flight);

/* Writes that the process died in its unit: crashes + 1, once. Not to a file that took the other's place. Any process;
 * async-signal-safe. */
void results_note_crash(struct results_flight *flight);

/* One row of /sessions: when, where, how many ranks, how it ended ("running" until told). Rank 0 alone. */
struct results_session {
    double started, ended; /* seconds since 1970 UTC */
    char host[HOST_BYTES];
    int64_t process;
    int32_t ranks;
    char engine[64]; /* version, revision, vectors */
    char ending[32]; /* running, complete, stopped, gave up, failed; and later killed, failed, checked */
};
/* Also notes of earlier sessions that did not end in order that their rows were checked: to be called after that. */
enum status results_session_begin(struct results_writer *writer, const struct results_session *session,
                                  struct error *error);
/* The last session before this run's, as it was when the file was locked; zeros when there was none. Lent. Rank 0. */
const struct results_session *results_session_before(const struct results_writer *writer);
/* Shows others that the run lives: to be called now and then, costs nothing in between. Rank 0 alone. */
void results_session_beat(struct results_writer *writer);
enum status results_session_end(struct results_writer *writer, const char *ending, struct error *error);

/* A file opened for reading, also while a run writes it: what is read is what the file holds at that moment. Any
 * process, without MPI. STATUS_BAD_RESULTS: not HDF5, not ours, from a newer version, truncated or damaged. */
struct results_reader;
enum status results_reader_open(const char *path, struct results_reader **out, struct error *error);
void results_reader_close(struct results_reader **reader);
int64_t results_reader_trials(const struct results_reader *reader);
int64_t results_reader_pairs(const struct results_reader *reader);
/* Whether there is a dataset of this path: files of older engines lack some. */
bool results_reader_has(const struct results_reader *reader, const char *path);

/* Reads a whole dataset of a fixed numeric or enum type into out (allocated, owned by the caller, memory_free), and its
 * item count. Numbers are converted to `type`. */
enum status results_read(const struct results_reader *reader, const char *path, enum results_type type, void **out,
                         int64_t *count, struct error *error);
/* The same for one unit's slab of a dataset whose first dimension is `trial` or, for the units behind the trials,
 * `pair`. */
enum status results_read_unit(const struct results_reader *reader, const char *path, int64_t unit,
                              enum results_type type, void **out, int64_t *count, struct error *error);
/* The slab of schema->arrays[array] of a trial into out, in memory types: as results_fetch from an open writer. The
 * file must have been made from schema. */
enum status results_reader_fetch(const struct results_reader *reader, const struct results_schema *schema, int array,
                                 int64_t trial, void *out, struct error *error);
/* Reads a dataset of texts: count texts of *text_bytes bytes each, each ended by a zero byte. */
enum status results_read_texts(const struct results_reader *reader, const char *path, char **out, size_t *text_bytes,
                               int64_t *count, struct error *error);

/* The most recent start; *index: its row in /sessions, -1 when there was none. */
enum status results_read_last_session(const struct results_reader *reader, struct results_session *out, int *index,
                                      struct error *error);

/* Whether a session ended in order, or its rows were checked since: [*count] rows of /sessions, owned by the caller
 * (memory_free). */
enum status results_read_orderly(const struct results_reader *reader, bool **orderly, int64_t *count,
                                 struct error *error);

/* What a table says of its units, [count] each. Owned; free with results_units_free. */
struct results_units {
    int64_t count;
    uint8_t *state;   /* enum trial_state */
    uint8_t *outcome; /* enum trial_outcome */
    int32_t *crashes;
    uint64_t *checksum;
    int32_t *session; /* row of /sessions that committed it */
};

/* count is 0 for the pairs of a file without any. */
enum status results_read_units(const struct results_reader *reader, enum results_table table, struct results_units *out,
                               struct error *error);
void results_units_free(struct results_units *units);

/* The checksum that a unit's rows have now: equal to /trials/checksum (/pairs/checksum) when they are as they were
 * committed. */
enum status results_checksum(const struct results_reader *reader, int64_t unit, uint64_t *out, struct error *error);

/* Rows of an older file for a file of schema (lent): a trial of both has the same identity, but its sweep may have
 * grown other axes, more epochs, more measure points. *out owned by the caller. */
struct results_source;
enum status results_source_open(const char *path, const struct results_schema *schema, struct results_source **out,
                                struct error *error);
void results_source_close(struct results_source **source);
const struct results_reader *results_source_reader(const struct results_source *source);
/* Fills row (of schema and the unit's table; what the older file does not have is absent) and ending from a committed
 * unit of the older file. STATUS_BAD_RESULTS when it lacks a dataset that is not optional. */
enum status results_source_read(const struct results_source *source, int64_t unit, struct results_row *row,
                                struct trial_ending *ending, struct error *error);

/* Compares what the file holds of a unit, of all that is reproducible, with the same unit's rows now (of schema,
 * which the file must have been made from): adds a line to `differences` for each dataset that is not equal bit for
 * bit. */
enum status results_compare(const struct results_reader *reader, const struct results_schema *schema, int64_t unit,
                            const struct results_row *row, const struct trial_ending *ending, struct text *differences,
                            struct error *error);

/* STATUS_BAD_RESULTS with the first difference when the file's dimensions and arrays are not those of the schema. */
enum status results_check_schema(const struct results_reader *reader, const struct results_schema *schema,
                                 struct error *error);

/* Prints every array of one trial, small ones whole and large ones summarised (shape, min, mean, max). */
enum status results_show(const struct results_reader *reader, int64_t trial, struct text *out, struct error *error);

#endif
