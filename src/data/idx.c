/* idx.c - IDX files of unsigned bytes, raw or gzipped: zlib reads both.
 * Header: 0, 0, 8 (unsigned byte), rank, then the dimensions as 32-bit big-endian numbers.
 * Offsets in messages count the bytes of the uncompressed file. */
#include "data/idx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/memory.h"

enum { IDX_UNSIGNED_BYTE = 8, HEADER_BYTES_MAX = 4 + 4 * IDX_RANK_MAX, READ_BYTES_MAX = 1 << 30 };

/* No gzip stream is more than about 1032 times smaller than its content. */
enum { GZIP_RATIO_MAX = 1040 };

struct idx_file {
    gzFile stream;
    int rank;
    int dimensions[IDX_RANK_MAX];
    size_t bytes;
    uint64_t offset; /* uncompressed bytes read so far */
    char path[1];    /* as long as it is */
};

static enum status fail_at_read(const struct idx_file *file, struct error *error)
{
    int code = Z_OK;
    const char *text = gzerror(file->stream, &code);
    if (code == Z_ERRNO)
        return fail(error, STATUS_IO, "%s: cannot read at byte %" PRIu64 ": %s", file->path, file->offset,
                    strerror(errno));
    return fail(error, STATUS_BAD_DATA, "%s: damaged gzip file at byte %" PRIu64 " of its content (%s); fetch it again",
                file->path, file->offset, text);
}

/* Reads up to `bytes` bytes; fewer only where the file ends in good order. */
static enum status read_some(struct idx_file *file, uint8_t *out, size_t bytes, size_t *count, struct error *error)
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

static enum status read_header(struct idx_file *file, uint8_t *header, size_t bytes, struct error *error)
{
    size_t count = 0;
    TRY(read_some(file, header, bytes, &count, error));
    if (count < bytes)
        return fail(error, STATUS_BAD_DATA, "%s: ends at byte %" PRIu64 ", within the IDX header of %d bytes",
                    file->path, file->offset, 4 + 4 * file->rank);
    return STATUS_OK;
}

static enum status check_magic(const struct idx_file *file, const uint8_t *header, struct error *error)
{
    if (header[0] == 0 && header[1] == 0 && header[2] == IDX_UNSIGNED_BYTE && header[3] == file->rank)
        return STATUS_OK;
    return fail(error, STATUS_BAD_DATA,
                "%s: byte 0: expected the IDX magic 00 00 08 %02x (unsigned bytes, %d dimension%s), found "
                "%02x %02x %02x %02x",
                file->path, (unsigned)file->rank, file->rank, file->rank == 1 ? "" : "s", header[0], header[1],
                header[2], header[3]);
}

static enum status parse_dimensions(struct idx_file *file, const uint8_t *header, struct error *error)
{
    uint64_t bytes = 1;
    for (int i = 0; i < file->rank; i++) {
        const uint8_t *at = header + 4 + 4 * i;
        const uint32_t size = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        if (size == 0 || size > INT32_MAX)
            return fail(error, STATUS_BAD_DATA, "%s: byte %d: expected a dimension of 1 to %d, found %" PRIu32,
                        file->path, 4 + 4 * i, INT32_MAX, size);
        if (bytes > ((uint64_t)1 << 47) / size)
            return fail(error, STATUS_BAD_DATA, "%s: byte %d: the dimensions promise more than 2^47 bytes", file->path,
                        4 + 4 * i);
        file->dimensions[i] = (int)size;
        bytes *= size;
    }
    file->bytes = (size_t)bytes;
    return STATUS_OK;
}

/* Before anybody makes room for them: can the file hold the promised bytes? */
static enum status check_size(const struct idx_file *file, struct error *error)
{
    struct stat info;
    if (stat(file->path, &info) != 0)
        return fail(error, STATUS_IO, "%s: %s", file->path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return STATUS_OK;
    const bool raw = gzdirect(file->stream) != 0;
    const uint64_t most = (uint64_t)info.st_size * (raw ? 1 : GZIP_RATIO_MAX);
    if (file->offset + file->bytes <= most)
        return STATUS_OK;
    return fail(error, STATUS_BAD_DATA,
                "%s: the header promises %zu bytes of values from byte %" PRIu64 " on, but the file has %s%" PRIu64
                " bytes: truncated",
                file->path, file->bytes, file->offset, raw ? "" : "at most ", most);
}

static enum status parse_header(struct idx_file *file, struct error *error)
{
    uint8_t header[HEADER_BYTES_MAX];
    TRY(read_header(file, header, 4, error));
    TRY(check_magic(file, header, error));
    TRY(read_header(file, header + 4, 4 * (size_t)file->rank, error));
    TRY(parse_dimensions(file, header, error));
    return check_size(file, error);
}

enum status idx_open(const char *path, int rank, struct idx_file **out, struct error *error)
{
    struct idx_file *file = NULL;
    TRY(memory_allocate((void **)&file, 1, sizeof *file + strlen(path), path, error));
    strcpy(file->path, path);
    file->rank = rank;
    errno = 0;
    file->stream = gzopen(path, "rb");
    enum status status = STATUS_OK;
    if (file->stream == NULL)
        status = fail(error, STATUS_BAD_DATA, "%s: cannot open: %s", path, strerror(errno == 0 ? ENOMEM : errno));
    else
        status = parse_header(file, error);
    if (status != STATUS_OK)
        idx_close(&file);
    else
        *out = file;
    return status;
}

const int *idx_dimensions(const struct idx_file *file)
{
    return file->dimensions;
}

size_t idx_bytes(const struct idx_file *file)
{
    return file->bytes;
}

enum status idx_read(struct idx_file *file, uint8_t *values, struct error *error)
{
    const uint64_t start = file->offset;
    size_t count = 0;
    TRY(read_some(file, values, file->bytes, &count, error));
    if (count < file->bytes)
        return fail(error, STATUS_BAD_DATA,
                    "%s: ends at byte %" PRIu64 ", but its header promises values up to byte %" PRIu64 ": truncated",
                    file->path, start + count, start + file->bytes);
    uint8_t extra;
    TRY(read_some(file, &extra, 1, &count, error));
    if (count != 0)
        return fail(error, STATUS_BAD_DATA,
                    "%s: expected the end of the file at byte %" PRIu64 ", where its header says so, found more bytes",
                    file->path, start + file->bytes);
    return STATUS_OK;
}

void idx_close(struct idx_file **file)
{
    if (file == NULL || *file == NULL)
        return;
    if ((*file)->stream != NULL)
        gzclose_r((*file)->stream);
    memory_free(*file);
    *file = NULL;
}
