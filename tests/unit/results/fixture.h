/* fixture.h - a small schema with every type, its rows as a function of the trial, and a folder to work in. */
#ifndef SEEDBED_TESTS_RESULTS_FIXTURE_H
#define SEEDBED_TESTS_RESULTS_FIXTURE_H

#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "results/results.h"

/* After the project's headers: it has a macro called `fail`. */
#include <cmocka.h>

enum { TRIALS = 12, SAMPLES = 50, POINTS = 3, EPOCHS = 5 };
enum {
    FIXED_IDENTITY,
    FIXED_LABELS,
    FIXED_YAML,
    ROW_LOSS,
    ROW_EPOCHS,
    ROW_NOTE,
    ROW_CURVE,
    ROW_MARGINS,
    ROW_KIND,
    ROW_COUNT
};

static const char *const kind_names[] = {"plain", "strange", NULL};
static const char identities[TRIALS][8] = {"t00", "t01", "t02", "t03", "t04", "t05",
                                           "t06", "t07", "t08", "t09", "t10", "t11"};
static const int16_t labels[SAMPLES] = {1, 2, 3};
static const char yaml[] = "name: fixture\n";

static const struct results_dimension fixture_dimensions[] = {
    {.name = "trial", .size = TRIALS, .units = "1", .long_name = "trial"},
    {.name = "train_sample", .size = SAMPLES, .units = "1", .long_name = "sample"},
    {.name = "margins_point", .size = POINTS, .units = "1", .long_name = "measure point"},
    {.name = "epoch", .size = EPOCHS, .units = "1", .long_name = "epoch"},
};

static const struct results_array fixture_arrays[ROW_COUNT] = {
    [FIXED_IDENTITY] = {.group = "trials",
                        .name = "identity",
                        .type = RESULTS_TEXT,
                        .text_bytes = 8,
                        .rank = 1,
                        .units = "1",
                        .long_name = "identity",
                        .reproducible = true,
                        .data = identities},
    [FIXED_LABELS] = {.group = "dataset",
                      .name = "train_label",
                      .type = RESULTS_INT16,
                      .rank = 1,
                      .dimensions = {1},
                      .units = "1",
                      .long_name = "label",
                      .reproducible = true,
                      .data = labels},
    [FIXED_YAML] = {.group = "sweep",
                    .name = "yaml",
                    .type = RESULTS_TEXT,
                    .text_bytes = sizeof yaml,
                    .units = "1",
                    .long_name = "sweep file",
                    .reproducible = true,
                    .data = yaml},
    [ROW_LOSS] = {.group = "trials",
                  .name = "train_loss",
                  .type = RESULTS_FLOAT64,
                  .rank = 1,
                  .units = "1",
                  .long_name = "loss",
                  .reproducible = true},
    [ROW_EPOCHS] = {.group = "trials",
                    .name = "epochs_run",
                    .type = RESULTS_INT32,
                    .rank = 1,
                    .units = "1",
                    .long_name = "epochs",
                    .reproducible = true},
    [ROW_NOTE] = {.group = "trials",
                  .name = "note",
                  .type = RESULTS_TEXT,
                  .text_bytes = 16,
                  .rank = 1,
                  .units = "1",
                  .long_name = "note",
                  .reproducible = true},
    [ROW_CURVE] = {.group = "curves",
                   .name = "speed",
                   .type = RESULTS_FLOAT64,
                   .rank = 2,
                   .dimensions = {0, 3},
                   .units = "s-1",
                   .long_name = "speed",
                   .reproducible = false},
    [ROW_MARGINS] = {.group = "margins",
                     .name = "train",
                     .type = RESULTS_FLOAT32,
                     .rank = 3,
                     .dimensions = {0, 2, 1},
                     .units = "1",
                     .long_name = "margin",
                     .reproducible = true},
    [ROW_KIND] = {.group = "margins",
                  .name = "kind",
                  .type = RESULTS_ENUM,
                  .enum_names = kind_names,
                  .rank = 2,
                  .dimensions = {0, 2},
                  .units = "1",
                  .long_name = "kind",
                  .reproducible = true},
};

static const struct results_attribute fixture_attributes[] = {
    {.group = "", .name = "name", .text = "fixture"},
    {.group = "margins", .name = "points", .integer = POINTS},
};

static const struct results_schema fixture_schema = {.dimensions = fixture_dimensions,
                                                     .dimension_count = 4,
                                                     .arrays = fixture_arrays,
                                                     .array_count = ROW_COUNT,
                                                     .attributes = fixture_attributes,
                                                     .attribute_count = 2};

static const MPI_Comm fixture_communicator = MPI_COMM_WORLD;

static inline float margin_of(int64_t trial, int index)
{
    return (float)trial + 0.25F * (float)index;
}

static inline void fill_row(struct results_row *row, int64_t trial)
{
    results_row_clear(row);
    *(double *)results_row_data(row, ROW_LOSS) = 0.5 * (double)trial;
    *(int32_t *)results_row_data(row, ROW_EPOCHS) = (int32_t)trial + 1;
    snprintf(results_row_data(row, ROW_NOTE), 16, "note %d", (int)trial);
    float *margins = results_row_data(row, ROW_MARGINS);
    for (int i = 0; i < POINTS * SAMPLES; i++)
        margins[i] = margin_of(trial, i);
    ((uint8_t *)results_row_data(row, ROW_KIND))[1] = 1;
}

static inline struct trial_ending ending_done(void)
{
    return (struct trial_ending){.outcome = OUTCOME_DONE, .seconds = 1.5, .samples_per_second = 100, .host = "here"};
}

/* Prints the message when the status is not as expected. */
static inline void must(enum status status, const struct error *error)
{
    if (status != STATUS_OK)
        fail_msg("%s", error->text);
}

/* A new folder of this process; `name` in it. Removed by folder_remove. */
static char folder[256];

static inline void folder_make(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/results-test-XXXXXX", parent == NULL ? P_tmpdir : parent);
    assert_non_null(mkdtemp(folder));
}

static inline void folder_remove(void)
{
    char command[320];
    snprintf(command, sizeof command, "rm -rf -- %s", folder);
    assert_int_equal(system(command), 0);
}

static inline const char *path_of(const char *name)
{
    static char path[640];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline struct results_writer *open_new(const char *path)
{
    struct error error;
    struct results_writer *writer = NULL;
    must(results_create(path, &fixture_schema, &error), &error);
    must(results_open(path, &fixture_schema, &fixture_communicator, &writer, &error), &error);
    return writer;
}

static inline void run_trial(struct results_writer *writer, int64_t trial)
{
    struct error error;
    struct results_row *row = NULL;
    const struct trial_ending ending = ending_done();
    must(results_row_create(&fixture_schema, TABLE_TRIALS, &row, &error), &error);
    must(results_begin(writer, trial, &error), &error);
    fill_row(row, trial);
    must(results_commit(writer, trial, row, &ending, &error), &error);
    results_row_destroy(&row);
}

static inline double number_at(const char *file, const char *dataset, int64_t index)
{
    struct error error;
    struct results_reader *reader = NULL;
    void *data = NULL;
    int64_t count = 0;
    must(results_reader_open(file, &reader, &error), &error);
    must(results_read(reader, dataset, RESULTS_FLOAT64, &data, &count, &error), &error);
    assert_true(index < count);
    const double value = ((double *)data)[index];
    memory_free(data);
    results_reader_close(&reader);
    return value;
}

static inline int enum_at(const char *file, const char *dataset, int64_t index)
{
    struct error error;
    struct results_reader *reader = NULL;
    void *data = NULL;
    int64_t count = 0;
    must(results_reader_open(file, &reader, &error), &error);
    must(results_read(reader, dataset, RESULTS_ENUM, &data, &count, &error), &error);
    const int value = ((uint8_t *)data)[index];
    memory_free(data);
    results_reader_close(&reader);
    return value;
}

/* The whole file; *size bytes, freed with free. */
static inline unsigned char *file_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static inline void expect_message(const struct error *error, const char *part)
{
    if (strstr(error->text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, error->text);
}

static inline int folder_set_up(void **state)
{
    (void)state;
    folder_make();
    return 0;
}

static inline int folder_tear_down(void **state)
{
    (void)state;
    folder_remove();
    return memory_balance() == 0 ? 0 : -1;
}

/* The main function of a test: HDF5 through MPI-IO needs MPI, also with one process. */
#define RUN_TESTS(tests)                                                                     \
    int main(int argc, char **argv)                                                          \
    {                                                                                        \
        MPI_Init(&argc, &argv);                                                              \
        const int failures = cmocka_run_group_tests(tests, folder_set_up, folder_tear_down); \
        MPI_Finalize();                                                                      \
        return failures;                                                                     \
    }

#endif
