/* share.c - one copy of a data set on each node.
 * The node's first rank loads the block and writes it to a file in the node's temporary folder; all its ranks map that
 * file, whose name goes as soon as everyone has it. Where that cannot be done each rank loads its own copy: slower, but
 * never wrong. A rank alone on its node lends the block itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cluster/communicator.h"

enum { PATH_BYTES = 512 };

struct share {
    const struct dataset *block;
    size_t mapped_bytes;   /* 0: the block is in `owned` */
    struct dataset *owned; /* NULL: mapped */
    struct share *next;
};

struct request {
    dataset_load_function *load;
    void *context;
};

/* What the node's first rank tells the others. An empty path: there is no file, load for yourselves. */
struct announcement {
    uint64_t bytes;
    uint64_t loaded; /* 0: it failed, and so does the call */
    char path[PATH_BYTES];
};

static enum status write_whole(int file, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        const ssize_t wrote = write(file, (const char *)bytes + done, count - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return errno == ENOSPC ? STATUS_NO_SPACE : STATUS_IO;
        done += (size_t)wrote;
    }
    return STATUS_OK;
}

/* Makes a file of the block; its path, or an empty one and a warning. */
static void write_file(const struct dataset *block, char path[PATH_BYTES])
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = P_tmpdir;
    const int length = snprintf(path, PATH_BYTES, "%s/seedbed-XXXXXX", folder);
    const int file = length < PATH_BYTES ? mkstemp(path) : -1;
    if (file >= 0 && write_whole(file, block, block->bytes) == STATUS_OK && close(file) == 0)
        return;
    log_warning("no room to share %.3g MB between the ranks of this node in %s (%s): each rank loads its own copy; "
                "TMPDIR names another folder",
                1e-6 * (double)block->bytes, folder, strerror(errno));
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    path[0] = '\0';
}

static const struct dataset *map_file(const char *path, size_t bytes)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    void *block = mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return block == MAP_FAILED ? NULL : block;
}

/* Takes what the announcement offers. False: this rank has to load for itself. */
static bool take_file(const struct announcement *announcement, struct share *share)
{
    if (announcement->path[0] == '\0')
        return false;
    share->block = map_file(announcement->path, announcement->bytes);
    if (share->block == NULL) {
        log_warning("cannot map %s (%s): this rank loads its own copy of the data", announcement->path,
                    strerror(errno));
        return false;
    }
    share->mapped_bytes = announcement->bytes;
    return true;
}

/* The file's name goes when everyone of the node has passed. */
static enum status wait_for_node(struct cluster *cluster, struct error *error)
{
    MPI_Request request = MPI_REQUEST_NULL;
    TRY(mpi_check(MPI_Ibarrier(cluster->node, &request), "waiting for the node's ranks", error));
    return mpi_wait(&request, "waiting for the node's ranks", error);
}

static enum status load_first(const struct request *request, struct share *share, struct announcement *announcement,
                              struct error *error)
{
    TRY(request->load(request->context, &share->owned, error));
    announcement->loaded = 1;
    announcement->bytes = share->owned->bytes;
    write_file(share->owned, announcement->path);
    if (take_file(announcement, share))
        dataset_destroy(&share->owned);
    else
        share->block = share->owned;
    return STATUS_OK;
}

static enum status load_other(const struct request *request, const struct announcement *announcement,
                              struct share *share, struct error *error)
{
    if (!announcement->loaded || take_file(announcement, share))
        return STATUS_OK;
    TRY(request->load(request->context, &share->owned, error));
    share->block = share->owned;
    return STATUS_OK;
}

/* Every rank of the node takes the same steps, whatever fails. */
static enum status share_on_node(struct cluster *cluster, const struct request *request, struct share *share,
                                 struct error *error)
{
    struct announcement announcement = {0};
    enum status status = STATUS_OK;
    if (cluster->node_rank == 0)
        status = load_first(request, share, &announcement, error);
    TRY(mpi_broadcast(cluster->node, &announcement, sizeof announcement, error));
    if (cluster->node_rank != 0)
        status = load_other(request, &announcement, share, error);
    struct error waiting = {0};
    const enum status waited = wait_for_node(cluster, &waiting);
    if (cluster->node_rank == 0 && announcement.path[0] != '\0')
        unlink(announcement.path);
    if (status == STATUS_OK && waited != STATUS_OK)
        return fail(error, waited, "%s", waiting.text);
    return status;
}

static enum status load_alone(const struct request *request, struct share *share, struct error *error)
{
    TRY(request->load(request->context, &share->owned, error));
    share->block = share->owned;
    return STATUS_OK;
}

static void share_release(struct share *share)
{
    if (share->mapped_bytes > 0)
        munmap((void *)(uintptr_t)share->block, share->mapped_bytes);
    dataset_destroy(&share->owned);
    memory_free(share);
}

enum status cluster_share_dataset(struct cluster *cluster, dataset_load_function *load, void *context,
                                  const struct dataset **out, struct error *error)
{
    const struct request request = {.load = load, .context = context};
    struct share *share = NULL;
    enum status status = memory_allocate((void **)&share, 1, sizeof *share, "shared data set", error);
    status = cluster_agree(cluster, status, error);
    if (status != STATUS_OK) {
        memory_free(share);
        return status;
    }
    if (cluster->node_size == 1)
        status = load_alone(&request, share, error);
    else
        status = share_on_node(cluster, &request, share, error);
    status = cluster_agree(cluster, status, error);
    if (status != STATUS_OK) {
        share_release(share);
        return status;
    }
    share->next = cluster->shares;
    cluster->shares = share;
    *out = share->block;
    return STATUS_OK;
}

void cluster_unshare_dataset(struct cluster *cluster, const struct dataset **dataset)
{
    for (struct share **link = &cluster->shares; *link != NULL; link = &(*link)->next) {
        struct share *share = *link;
        if (share->block != *dataset)
            continue;
        *link = share->next;
        share_release(share);
        *dataset = NULL;
        return;
    }
}

void shares_release(struct cluster *cluster)
{
    while (cluster->shares != NULL) {
        struct share *share = cluster->shares;
        cluster->shares = share->next;
        share_release(share);
    }
}
