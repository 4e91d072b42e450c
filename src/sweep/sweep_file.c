#include "sweep/sweep_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"

enum { SWEEP_BYTES_MAX = 16 << 20 };

static enum status read_all(FILE *stream, const char *path, struct text *out, struct error *error)
{
    char buffer[65536];
    size_t count;
    while ((count = fread(buffer, 1, sizeof buffer, stream)) > 0) {
        text_add_bytes(out, buffer, count);
        if (out->length > 2 * (size_t)SWEEP_BYTES_MAX)
            return fail(error, STATUS_BAD_SWEEP, "%s: larger than 16 MiB: not a sweep file", path);
    }
    if (ferror(stream))
        return fail(error, STATUS_IO, "%s: cannot be read: %s", path, strerror(errno));
    return text_status(out, error);
}

static void add_folder(struct text *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        text_add_bytes(out, ".", 2);
    else {
        text_add_bytes(out, path, slash == path ? 1 : (size_t)(slash - path));
        text_add_bytes(out, "", 1);
    }
}

enum status sweep_file_read(const char *path, struct sweep_file *out, struct error *error)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return fail(error, STATUS_BAD_SWEEP, "%s: is a folder; name a sweep file", path);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return fail(error, STATUS_BAD_SWEEP, "%s: cannot be opened: %s", path, strerror(errno));
    struct text text = {0};
    text_add_bytes(&text, path, strlen(path) + 1);
    add_folder(&text, path);
    const enum status status = read_all(stream, path, &text, error);
    fclose(stream);
    if (status != STATUS_OK) {
        text_free(&text);
        return status;
    }
    *out = (struct sweep_file){.block = text.data, .bytes = text.length + 1};
    return STATUS_OK;
}

void sweep_file_free(struct sweep_file *file)
{
    memory_free(file->block);
    *file = (struct sweep_file){0};
}

struct plan_request sweep_file_request(const struct sweep_file *file, const char *const *sets, int set_count)
{
    const char *folder = file->block + strlen(file->block) + 1;
    const char *text = folder + strlen(folder) + 1;
    return (struct plan_request){
        .name = file->block,
        .text = text,
        .bytes = file->bytes - 1 - (size_t)(text - file->block),
        .base_directory = folder,
        .sets = sets,
        .set_count = set_count,
    };
}
