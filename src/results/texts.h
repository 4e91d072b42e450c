/* texts.h - how texts stand in the file.
 * netCDF's library crashes on an array of texts of fixed length, so there is none: a text by itself has a fixed length;
 * texts known when the file is made have variable length; texts of rows, which need a place that is theirs before they
 * are known, are letters, with a dimension of their own behind the others. */
#ifndef SEEDBED_RESULTS_TEXTS_H
#define SEEDBED_RESULTS_TEXTS_H

#include "results/h5.h"
#include "results/schema.h"

/* The type of the array's dataset in the file. Closed by the caller. */
hid_t array_file_type(const struct results_array *array);
/* The type of a row's values in memory, as they are written and read; of texts, that of a letter. Closed by the caller.
 */
hid_t row_memory_type(enum results_type type, const char *const *enum_names);
/* Fills the sizes of the array's dataset -> its rank. */
int array_file_shape(const struct layout *layout, const struct results_array *array, hsize_t sizes[RESULTS_RANK_MAX]);

/* Writes all of a dataset of variable texts with one dimension.   texts [count, bytes], padded with zeros */
herr_t texts_write(hid_t dataset, const void *texts, size_t bytes, int64_t count);
/* Reads all of a dataset of texts of any of these forms: *count texts of *bytes each, zero bytes at their ends. *out is
 * owned by the caller (memory_free). path and name are for messages. */
enum status texts_read(hid_t dataset, const char *path, const char *name, char **out, size_t *bytes, int64_t *count,
                       struct error *error);

#endif
