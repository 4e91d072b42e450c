/* h5.h - HDF5 in this project's terms: silent, with its own reason in our messages. */
#ifndef SEEDBED_RESULTS_H5_H
#define SEEDBED_RESULTS_H5_H

#include <hdf5.h>

#include "results/results.h"

/* Keeps HDF5 from printing its error stack. First call of every public function that uses HDF5. */
void h5_quiet(void);
/* Forgets the failures so far. */
void h5_forget(void);
/* Whether a call since h5_forget, h5_quiet or h5_fail failed because the disk is full or a quota is used up. */
bool h5_disk_full(void);

/* "path: what: HDF5's innermost reason". */
enum status h5_fail(struct error *error, enum status status, const char *path, const char *what);

/* Closes a property list; the error stack of what failed before stays. */
void h5_close_properties(hid_t properties);

/* True when the error stack of the failed call holds this text. */
bool h5_reason_holds(const char *text);

/* The type in the file: little-endian, text padded with zeros, an enum over uint8. Closed by the caller. */
hid_t h5_file_type(enum results_type type, size_t text_bytes, const char *const *enum_names);
/* UTF-8 of that many bytes, padded with zeros, or H5T_VARIABLE. Closed by the caller. */
hid_t h5_text_type(size_t bytes);

/* Write an attribute of a file, group or dataset. */
herr_t h5_attribute_text(hid_t object, const char *name, const char *text);
herr_t h5_attribute_integer(hid_t object, const char *name, int64_t value);

/* Reads a text of variable or fixed length into out (cut to bytes); negative when there is none. */
herr_t h5_attribute_read_text(hid_t object, const char *name, char *out, size_t bytes);
herr_t h5_attribute_read_integer(hid_t object, const char *name, int64_t *out);

/* Writes items [first, first + count) of a dataset with one dimension. */
herr_t h5_write_piece(hid_t dataset, hid_t memory_type, hsize_t first, hsize_t count, const void *data);

#endif
