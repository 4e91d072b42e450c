/* byte_file.c - zlib reads raw and gzipped files alike; this adds the offset and messages that name it. */
#include "data/byte_file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/memory.h"

enum { READ_BYTES_MAX = 1 << 30 };

/* No gzip stream is more than about 1032 times smaller than its content. */
enum { GZIP_RATIO_MAX = 1040 };

struct byte_file {
    gzFile stream;
    uint64_t offset;
    char path[1]; /* as long as it is */
};

enum status byte_file_open(const char *path, struct byte_file **out, struct error *error)
{
    struct byte_file *file = NULL;
    TRY(memory_allocate((void **)&file, 1, sizeof *file + strlen(path), path, error));
    strcpy(file->path, path);
    errno = 0;
    file->stream = gzopen(path, "rb");
    if (file->stream == NULL) {
        const int reason = errno == 0 ? ENOMEM : errno;
        byte_file_close(&file);
        return fail(error, STATUS_BAD_DATA, "%s: cannot open: %s", path, strerror(reason));
    }
    *out = file;
    return STATUS_OK;
}

const char *byte_file_path(const struct byte_file *file)
{
    return file->path;
}

uint64_t byte_file_offset(const struct byte_file *file)
{
    return file->offset;
}

static enum status fail_at_read(const struct byte_file *file, struct error *error)
{
    int code = Z_OK;
    const char *text = gzerror(file->stream, &code);
    if (code == Z_ERRNO)
        return fail(error, STATUS_IO, "%s: cannot read at byte %" PRIu64 ": %s", file->path, file->offset,
                    strerror(errno));
    return fail(error, STATUS_BAD_DATA, "%s: damaged gzip file at byte %" PRIu64 " of its content (%s); fetch it again",
                file->path, file->offset, text);
}

enum status byte_file_read(struct byte_file *file, uint8_t *out, size_t bytes, size_t *count, struct error *error)
{
    size_t done = 0;
    while (done < bytes) {
        const size_t left = bytes - done;
        const int got = gzread(file->stream, out + done, left < READ_BYTES_MAX ? (unsigned)left : READ_BYTES_MAX);
        int code = Z_OK;
        gzerror(file->stream, &code);
        if (got > 0) {
            done += (size_t)got;
            file->offset += (uint64_t)got;
        }
        if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
            return fail_at_read(file, error);
        if (got == 0)
            break;
    }
    *count = done;
    return STATUS_OK;
}

enum status byte_file_bound(const struct byte_file *file, uint64_t *most, bool *exact, struct error *error)
{
    struct stat info;
    if (stat(file->path, &info) != 0)
        return fail(error, STATUS_IO, "%s: %s", file->path, strerror(errno));
    *exact = gzdirect(file->stream) != 0;
    *most = S_ISREG(info.st_mode) ? (uint64_t)info.st_size * (*exact ? 1 : GZIP_RATIO_MAX) : UINT64_MAX;
    return STATUS_OK;
}

void byte_file_close(struct byte_file **file)
{
    if (file == NULL || *file == NULL)
        return;
    if ((*file)->stream != NULL)
        gzclose_r((*file)->stream);
    memory_free(*file);
    *file = NULL;
}
