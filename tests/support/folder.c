#include "folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static void require(bool held, const char *what)
{
    if (!held) {
        perror(what);
        abort();
    }
}

void folder_create(char path[FOLDER_PATH_BYTES])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, FOLDER_PATH_BYTES, "%s/seedbed-test-XXXXXX", base == NULL ? P_tmpdir : base);
    require(mkdtemp(path) != NULL, path);
}

void folder_path(const char *folder, const char *name, char out[FOLDER_PATH_BYTES])
{
    require(snprintf(out, FOLDER_PATH_BYTES, "%s/%s", folder, name) < FOLDER_PATH_BYTES, name);
}

void folder_remove(const char *path)
{
    DIR *folder = opendir(path);
    require(folder != NULL, path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char file[FOLDER_PATH_BYTES];
        folder_path(path, entry->d_name, file);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            require(unlink(file) == 0, file);
    }
    closedir(folder);
    require(rmdir(path) == 0, path);
}

void file_write(const char *path, const void *bytes, size_t count, bool gzipped)
{
    gzFile file = gzopen(path, gzipped ? "wb" : "wbT");
    require(file != NULL, path);
    require(count == 0 || gzwrite(file, bytes, (unsigned)count) == (int)count, path);
    require(gzclose(file) == Z_OK, path);
}

size_t file_read(const char *path, void *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    require(file != NULL, path);
    const size_t count = fread(bytes, 1, capacity, file);
    fclose(file);
    return count;
}

size_t idx_bytes_of(int rank, const int *dimensions, const uint8_t *values, size_t count, uint8_t *out)
{
    const uint8_t magic[4] = {0, 0, 8, (uint8_t)rank};
    memcpy(out, magic, sizeof magic);
    for (int i = 0; i < rank; i++)
        for (int byte = 0; byte < 4; byte++)
            out[4 + 4 * i + byte] = (uint8_t)((unsigned)dimensions[i] >> (24 - 8 * byte));
    memcpy(out + 4 + 4 * rank, values, count);
    return 4 + 4 * (size_t)rank + count;
}
