/* idx.c - IDX files of unsigned bytes, raw or gzipped.
 * Header: 0, 0, 8 (unsigned byte), rank, then the dimensions as 32-bit big-endian numbers. */
#include "data/idx.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/memory.h"
#include "data/byte_file.h"

enum { IDX_UNSIGNED_BYTE = 8, HEADER_BYTES_MAX = 4 + 4 * IDX_RANK_MAX };

struct idx_file {
    struct byte_file *content;
    int rank;
    int dimensions[IDX_RANK_MAX];
    size_t bytes;
};

static const char *path_of(const struct idx_file *file)
{
    return byte_file_path(file->content);
}

static enum status read_header(struct idx_file *file, uint8_t *header, size_t bytes, struct error *error)
{
    size_t count = 0;
    TRY(byte_file_read(file->content, header, bytes, &count, error));
    if (count < bytes)
        return fail(error, STATUS_BAD_DATA, "%s: ends at byte %" PRIu64 ", within the IDX header of %d bytes",
                    path_of(file), byte_file_offset(file->content), 4 + 4 * file->rank);
    return STATUS_OK;
}

static enum status check_magic(const struct idx_file *file, const uint8_t *header, struct error *error)
{
    if (header[0] == 0 && header[1] == 0 && header[2] == IDX_UNSIGNED_BYTE && header[3] == file->rank)
        return STATUS_OK;
    return fail(error, STATUS_BAD_DATA,
                "%s: byte 0: expected the IDX magic 00 00 08 %02x (unsigned bytes, %d dimension%s), found "
                "%02x %02x %02x %02x",
                path_of(file), (unsigned)file->rank, file->rank, file->rank == 1 ? "" : "s", header[0], header[1],
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
                        path_of(file), 4 + 4 * i, INT32_MAX, size);
        if (bytes > ((uint64_t)1 << 47) / size)
            return fail(error, STATUS_BAD_DATA, "%s: byte %d: the dimensions promise more than 2^47 bytes",
                        path_of(file), 4 + 4 * i);
        file->dimensions[i] = (int)size;
        bytes *= size;
    }
    file->bytes = (size_t)bytes;
    return STATUS_OK;
}

/* Before anybody makes room for them: can the file hold the promised bytes? */
static enum status check_size(const struct idx_file *file, struct error *error)
{
    uint64_t most;
    bool exact;
    const uint64_t start = byte_file_offset(file->content);
    TRY(byte_file_bound(file->content, &most, &exact, error));
    if (start + file->bytes <= most)
        return STATUS_OK;
    return fail(error, STATUS_BAD_DATA,
                "%s: the header promises %zu bytes of values from byte %" PRIu64 " on, but the file has %s%" PRIu64
                " bytes: truncated",
                path_of(file), file->bytes, start, exact ? "" : "at most ", most);
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
    TRY(memory_allocate((void **)&file, 1, sizeof *file, path, error));
    file->rank = rank;
    enum status status = byte_file_open(path, &file->content, error);
    if (status == STATUS_OK)
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
    const uint64_t start = byte_file_offset(file->content);
    size_t count = 0;
    TRY(byte_file_read(file->content, values, file->bytes, &count, error));
    if (count < file->bytes)
        return fail(error, STATUS_BAD_DATA,
                    "%s: ends at byte %" PRIu64 ", but its header promises values up to byte %" PRIu64 ": truncated",
                    path_of(file), start + count, start + file->bytes);
    uint8_t extra;
    TRY(byte_file_read(file->content, &extra, 1, &count, error));
    if (count != 0)
        return fail(error, STATUS_BAD_DATA,
                    "%s: expected the end of the file at byte %" PRIu64 ", where its header says so, found more bytes",
                    path_of(file), start + file->bytes);
    return STATUS_OK;
}

void idx_close(struct idx_file **file)
{
    if (file == NULL || *file == NULL)
        return;
    byte_file_close(&(*file)->content);
    memory_free(*file);
    *file = NULL;
}
