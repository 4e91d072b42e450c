/* folder.h - a temporary folder and IDX files in it. Failures end the program. */
#ifndef SEEDBED_TESTS_FOLDER_H
#define SEEDBED_TESTS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FOLDER_PATH_BYTES = 256 };

/* Makes an empty folder; remove it, with the files in it, by folder_remove. */
void folder_create(char path[FOLDER_PATH_BYTES]);
void folder_remove(const char *path);

/* out = folder/name */
void folder_path(const char *folder, const char *name, char out[FOLDER_PATH_BYTES]);

void file_write(const char *path, const void *bytes, size_t count, bool gzipped);
/* Reads at most capacity bytes as they are on disk; returns how many. */
size_t file_read(const char *path, void *bytes, size_t capacity);

/* An IDX file of unsigned bytes in memory: header and values; returns its size. */
size_t idx_bytes_of(int rank, const int *dimensions, const uint8_t *values, size_t count, uint8_t *out);

#endif
