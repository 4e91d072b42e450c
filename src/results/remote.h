/* remote.h - a writer without the file: what it is asked for, rank 0 does. */
#ifndef SEEDBED_RESULTS_REMOTE_H
#define SEEDBED_RESULTS_REMOTE_H

#include "results/row.h"
#include "results/writer.h"

/* As the functions of results.h with the same names, on a writer whose `remote` is not NULL. */
enum status remote_begin(struct results_writer *writer, int64_t unit, struct error *error);
enum status remote_write(struct results_writer *writer, int64_t unit, const struct results_row *row,
                         const struct trial_ending *ending, struct error *error);
enum status remote_settle(struct results_writer *writer, struct error *error);
enum status remote_outcome(struct results_writer *writer, int64_t trial, enum trial_outcome *out, struct error *error);
enum status remote_standing(struct results_writer *writer, int64_t unit, struct unit_standing *out,
                            struct error *error);
enum status remote_fetch(struct results_writer *writer, int array, int64_t trial, void *out, struct error *error);

/* In commit.c, without a note of who is in flight: rank 0 begins and writes for others. */
enum status writer_begin(struct results_writer *writer, int64_t unit, struct error *error);
enum status writer_write(struct results_writer *writer, int64_t unit, const struct results_row *row,
                         const struct trial_ending *ending, struct error *error);

#endif
