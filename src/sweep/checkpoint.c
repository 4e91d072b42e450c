/* checkpoint.c - header, sizes of the parts, the parts.
 * The checksum goes over all of them, itself taken as 0: a file of which a byte is not as it was written is not used.
 * Only files of our own making are ever removed. */
#include "sweep/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

static const char magic[8] = {'s', 'e', 'e', 'd', 'b', 'e', 'd', 'C'};
enum { CHECKPOINT_VERSION = 1, PATH_BYTES = CHECKPOINT_FOLDER_BYTES + HASH_TEXT_BYTES + 32 };
static const char suffix[] = ".checkpoint", unfinished[] = ".writing";

struct header {
    char magic[8];
    uint32_t version, parts;
    uint64_t checksum;
    struct checkpoint_mark mark;
};

struct checkpoint {
    void *bytes; /* mapped */
    size_t size;
};

enum status checkpoint_store_of(const char *results_path, int rank, double interval, struct checkpoint_store *out,
                                struct error *error)
{
    *out = (struct checkpoint_store){.rank = rank, .interval = interval};
    const int length = snprintf(out->folder, sizeof out->folder, "%s.checkpoints", results_path);
    if (length < 0 || (size_t)length >= sizeof out->folder)
        return fail(error, STATUS_USAGE, "the path of the results file is too long: it has %d characters", length);
    return STATUS_OK;
}

static void named(const struct checkpoint_store *store, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%.*s%s", store->folder, HASH_TEXT_BYTES - 1, name, suffix);
}

static void path_of(const struct checkpoint_store *store, struct hash128 identity, char path[PATH_BYTES])
{
    char name[HASH_TEXT_BYTES];
    hash_text(identity, name);
    named(store, name, path);
}

static enum status io_failed(const char *what, const char *path, struct error *error)
{
    const enum status status = errno == ENOSPC || errno == EDQUOT ? STATUS_NO_SPACE : STATUS_IO;
    return fail(error, status, "%s %s: %s", what, path, strerror(errno));
}

static uint64_t checksum_of(struct header header, const uint64_t *sizes, const struct checkpoint_part *parts)
{
    header.checksum = 0;
    uint64_t checksum = hash_bytes64(&header, sizeof header, 0);
    checksum = hash_bytes64(sizes, header.parts * sizeof *sizes, checksum);
    for (uint32_t i = 0; i < header.parts; i++)
        checksum = hash_bytes64(parts[i].data, parts[i].bytes, checksum);
    return checksum;
}

static bool write_all(int descriptor, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        const ssize_t written = write(descriptor, at, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        bytes -= (size_t)written;
    }
    return true;
}

static bool write_file(int descriptor, const struct checkpoint_mark *mark, uint32_t count,
                       const struct checkpoint_part *parts)
{
    struct header header = {.version = CHECKPOINT_VERSION, .parts = count, .mark = *mark};
    uint64_t sizes[CHECKPOINT_PARTS_MAX];
    memcpy(header.magic, magic, sizeof magic);
    for (uint32_t i = 0; i < count; i++)
        sizes[i] = parts[i].bytes;
    header.checksum = checksum_of(header, sizes, parts);
    bool good = write_all(descriptor, &header, sizeof header) && write_all(descriptor, sizes, count * sizeof *sizes);
    for (uint32_t i = 0; good && i < count; i++)
        good = write_all(descriptor, parts[i].data, parts[i].bytes);
    return good && fsync(descriptor) == 0;
}

/* That a file has a new name is on disk once its folder is. */
static void sync_folder(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    fsync(descriptor);
    close(descriptor);
}

static enum status make(const struct checkpoint_store *store, const struct checkpoint_mark *mark, int count,
                        const struct checkpoint_part *parts, struct error *error)
{
    char path[PATH_BYTES], name[HASH_TEXT_BYTES], temporary[PATH_BYTES];
    path_of(store, mark->identity, path);
    hash_text(mark->identity, name);
    snprintf(temporary, sizeof temporary, "%s/%s.%d%s", store->folder, name, store->rank, unfinished);
    if (mkdir(store->folder, 0777) != 0 && errno != EEXIST)
        return io_failed("cannot make the folder", store->folder, error);
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return io_failed("cannot make", temporary, error);
    bool good = write_file(descriptor, mark, (uint32_t)count, parts);
    int why = errno;
    if (close(descriptor) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good && rename(temporary, path) == 0) {
        sync_folder(store->folder);
        return STATUS_OK;
    }
    errno = good ? errno : why;
    const enum status status = io_failed("cannot write", temporary, error);
    unlink(temporary);
    return status;
}

enum status checkpoint_write(struct checkpoint_store *store, const struct checkpoint_mark *mark, int count,
                             const struct checkpoint_part *parts, struct error *error)
{
    const double start = clock_monotonic();
    TRY(make(store, mark, count, parts, error));
    const double seconds = clock_monotonic() - start;
    store->slowest = seconds > store->slowest ? seconds : store->slowest;
    return STATUS_OK;
}

/* NULL: good; else what is wrong with it. */
static const char *find_fault(const struct checkpoint *checkpoint, const struct checkpoint_mark *mark)
{
    const unsigned char *bytes = checkpoint->bytes;
    struct header header;
    uint64_t sizes[CHECKPOINT_PARTS_MAX];
    struct checkpoint_part parts[CHECKPOINT_PARTS_MAX];
    if (checkpoint->size < sizeof header)
        return "is too short";
    memcpy(&header, bytes, sizeof header);
    if (memcmp(header.magic, magic, sizeof magic) != 0)
        return "is no checkpoint";
    if (header.version != CHECKPOINT_VERSION)
        return "is of another version of seedbed";
    if (header.parts > CHECKPOINT_PARTS_MAX || checkpoint->size < sizeof header + header.parts * sizeof *sizes)
        return "is damaged";
    memcpy(sizes, bytes + sizeof header, header.parts * sizeof *sizes);
    size_t at = sizeof header + header.parts * sizeof *sizes;
    for (uint32_t i = 0; i < header.parts; i++) {
        if (sizes[i] > checkpoint->size - at)
            return "is truncated";
        parts[i] = (struct checkpoint_part){.data = (char *)checkpoint->bytes + at, .bytes = sizes[i]};
        at += sizes[i];
    }
    if (at != checkpoint->size || checksum_of(header, sizes, parts) != header.checksum)
        return "is damaged";
    if (memcmp(&header.mark.identity, &mark->identity, sizeof mark->identity) != 0)
        return "is of another trial";
    if (header.mark.build != mark->build)
        return "was made by another build of seedbed, for other vectors or with another BLAS";
    return header.mark.layout != mark->layout ? "was made for a results file of another layout" : NULL;
}

enum status checkpoint_open(const struct checkpoint_store *store, const struct checkpoint_mark *mark,
                            struct checkpoint **out, struct error *error)
{
    char path[PATH_BYTES];
    struct stat about;
    struct checkpoint checkpoint = {.bytes = MAP_FAILED};
    path_of(store, mark->identity, path);
    *out = NULL;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == ENOENT || errno == ENOTDIR ? STATUS_OK : io_failed("cannot read", path, error);
    if (fstat(descriptor, &about) == 0 && about.st_size > 0) {
        checkpoint.size = (size_t)about.st_size;
        checkpoint.bytes = mmap(NULL, checkpoint.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    close(descriptor);
    const char *const fault =
        checkpoint.bytes == MAP_FAILED ? "cannot be read, or is empty" : find_fault(&checkpoint, mark);
    void *memory = NULL;
    enum status status = STATUS_OK;
    if (fault != NULL)
        status = fail(error, STATUS_BAD_RESULTS, "%s %s", path, fault);
    else
        status = memory_allocate(&memory, 1, sizeof checkpoint, "checkpoint", error);
    if (memory != NULL)
        *out = memcpy(memory, &checkpoint, sizeof checkpoint);
    else if (checkpoint.bytes != MAP_FAILED)
        munmap(checkpoint.bytes, checkpoint.size);
    return status;
}

void checkpoint_close(struct checkpoint **checkpoint)
{
    if (*checkpoint == NULL)
        return;
    munmap((*checkpoint)->bytes, (*checkpoint)->size);
    memory_free(*checkpoint);
    *checkpoint = NULL;
}

enum status checkpoint_read(const struct checkpoint *checkpoint, int first, int count,
                            const struct checkpoint_part *parts, struct error *error)
{
    const unsigned char *const bytes = checkpoint->bytes;
    struct header header;
    uint64_t sizes[CHECKPOINT_PARTS_MAX];
    memcpy(&header, bytes, sizeof header);
    memcpy(sizes, bytes + sizeof header, header.parts * sizeof *sizes);
    size_t at = sizeof header + header.parts * sizeof *sizes;
    for (int i = 0; i < first + count; i++) {
        if (i >= (int)header.parts || (i >= first && sizes[i] != parts[i - first].bytes))
            return fail(error, STATUS_INTERNAL, "part %d of a checkpoint is not what the trial needs", i);
        if (i >= first && sizes[i] > 0)
            memcpy(parts[i - first].data, bytes + at, sizes[i]);
        at += sizes[i];
    }
    return STATUS_OK;
}

void checkpoint_remove(const struct checkpoint_store *store, struct hash128 identity)
{
    char path[PATH_BYTES];
    path_of(store, identity, path);
    unlink(path);
}

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, HASH_TEXT_BYTES - 1);
}

static bool is_identity(const char *name)
{
    return strspn(name, "0123456789abcdef") >= HASH_TEXT_BYTES - 1;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* The files' names, each of HASH_TEXT_BYTES, sorted; what was never finished is removed. */
static enum status list_files(const struct checkpoint_store *store, struct text *names, struct error *error)
{
    DIR *const folder = opendir(store->folder);
    if (folder == NULL)
        return errno == ENOENT ? STATUS_OK : io_failed("cannot read the folder", store->folder, error);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (!is_identity(entry->d_name))
            continue;
        if (ends_with(entry->d_name, unfinished))
            unlinkat(dirfd(folder), entry->d_name, 0);
        else if (strcmp(entry->d_name + HASH_TEXT_BYTES - 1, suffix) == 0) {
            entry->d_name[HASH_TEXT_BYTES - 1] = '\0';
            text_add_bytes(names, entry->d_name, HASH_TEXT_BYTES);
        }
    }
    closedir(folder);
    if (names->length > 0)
        qsort(names->data, names->length / HASH_TEXT_BYTES, HASH_TEXT_BYTES, compare_names);
    return text_status(names, error);
}

static void remove_file(const struct checkpoint_store *store, const char *name)
{
    char path[PATH_BYTES];
    named(store, name, path);
    unlink(path);
}

enum status checkpoint_sweep(const struct checkpoint_store *store, const struct plan *plan, const bool *ended,
                             bool *begun, int64_t *count, struct error *error)
{
    static const char wanted = '+'; /* behind the name of a file that stays */
    struct text names = {0};
    *count = 0;
    enum status status = list_files(store, &names, error);
    const size_t files = names.length / HASH_TEXT_BYTES;
    for (int64_t t = 0; status == STATUS_OK && files > 0 && ended != NULL && t < plan_trial_count(plan); t++) {
        char name[HASH_TEXT_BYTES];
        hash_text(plan_trial(plan, t)->identity, name);
        char *const found = bsearch(name, names.data, files, HASH_TEXT_BYTES, compare_names);
        begun[t] = found != NULL && !ended[t];
        *count += begun[t];
        if (begun[t])
            found[HASH_TEXT_BYTES - 1] = wanted;
    }
    for (size_t i = 0; status == STATUS_OK && i < files; i++)
        if (names.data[(i + 1) * HASH_TEXT_BYTES - 1] != wanted)
            remove_file(store, names.data + i * HASH_TEXT_BYTES);
    text_free(&names);
    checkpoint_store_leave(store);
    return status;
}

void checkpoint_store_leave(const struct checkpoint_store *store)
{
    rmdir(store->folder);
}
