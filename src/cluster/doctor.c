/* doctor.c - each rank says what it sees; rank 0 makes lines of it: the engine, MPI, HDF5, BLAS, each node, the folder.
 */
#include "cluster/doctor.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cluster/communicator.h"
#include "kernels/blas.h"
#include "kernels/width.h"
#include "results/disk.h"
#include "sweep/provenance.h"

enum { CORES_MAX = 1024, WORD_BITS = 64, TRIED_BYTES = 65536 };

/* What a rank sees, and for the first rank of a node what the node has. Sent as its bytes. */
struct sight {
    char host[HOST_BYTES], engine[PROVENANCE_ENGINE_BYTES], kernel[32], temporary[128];
    int32_t threads, first_of_node, node_size, maps;
    uint64_t cores[CORES_MAX / WORD_BITS];             /* that this rank may run on */
    double clock, memory, shared_free, temporary_free; /* seconds; bytes; -1 unknown */
};

static double number_in(const char *path, const char *word)
{
    char line[256];
    double number = -1;
    FILE *stream = fopen(path, "r");
    while (stream != NULL && fgets(line, sizeof line, stream) != NULL)
        if (strncmp(line, word, strlen(word)) == 0 && sscanf(line + strlen(word), "%lf", &number) == 1)
            break;
    if (stream != NULL)
        fclose(stream);
    return number;
}

/* What may still be allocated: by the machine, and within the limit of this process's control group. */
static double memory_available(void)
{
    double available = 1024 * number_in("/proc/meminfo", "MemAvailable:");
    static const char *const groups[][2] = {
        {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        const double limit = number_in(groups[i][0], ""), used = number_in(groups[i][1], "");
        if (limit > 0 && used >= 0 && limit - used < available)
            available = limit - used;
    }
    return available;
}

static double free_bytes(const char *folder)
{
    struct statvfs disk;
    return statvfs(folder, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize : -1;
}

/* As cluster_share_dataset does it. */
static bool can_map(const char *folder)
{
    char path[512];
    static char block[TRIED_BYTES];
    if (snprintf(path, sizeof path, "%s/seedbed-XXXXXX", folder) >= (int)sizeof path)
        return false;
    const int file = mkstemp(path);
    if (file < 0)
        return false;
    const bool written = write(file, block, sizeof block) == (ssize_t)sizeof block;
    void *view = written ? mmap(NULL, sizeof block, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    if (view != MAP_FAILED)
        munmap(view, sizeof block);
    close(file);
    unlink(path);
    return view != MAP_FAILED;
}

static void see_cores(uint64_t *cores)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int i = 0; i < CORES_MAX && i < CPU_SETSIZE; i++)
            if (CPU_ISSET((size_t)i, &set))
                cores[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
#else
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < CORES_MAX && i < count; i++)
        cores[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
#endif
}

static struct sight see(const struct cluster *cluster)
{
    struct sight sight;
    memset(&sight, 0, sizeof sight);
    const char *temporary = getenv("TMPDIR");
    if (temporary == NULL || temporary[0] == '\0')
        temporary = P_tmpdir;
    snprintf(sight.host, sizeof sight.host, "%s", cluster->host);
    snprintf(sight.engine, sizeof sight.engine, "%s", provenance_engine());
    snprintf(sight.kernel, sizeof sight.kernel, "%s", blas_kernel());
    snprintf(sight.temporary, sizeof sight.temporary, "%s", temporary);
    sight.threads = blas_setup();
    sight.first_of_node = cluster->node_rank == 0;
    sight.node_size = cluster->node_size;
    see_cores(sight.cores);
    if (sight.first_of_node) {
        sight.memory = memory_available();
        sight.shared_free = free_bytes("/dev/shm");
        sight.temporary_free = free_bytes(temporary);
        sight.maps = can_map(temporary);
    }
    sight.clock = clock_wall();
    return sight;
}

static int count_cores(const struct sight *sights, int ranks, const char *host)
{
    int count = 0;
    for (int word = 0; word < CORES_MAX / WORD_BITS; word++) {
        uint64_t all = 0;
        for (int rank = 0; rank < ranks; rank++)
            if (strcmp(sights[rank].host, host) == 0)
                all |= sights[rank].cores[word];
        for (; all != 0; all &= all - 1)
            count++;
    }
    return count;
}

/* What there is to mend, as the ends of one line. */
struct advice {
    enum level level;
    struct text text;
};

static void judge_load(const struct sight *node, int cores, struct advice *advice)
{
    if (node->node_size * node->threads <= cores)
        return;
    advice->level = LEVEL_WARN;
    text_add(&advice->text,
             "; %d ranks x %d threads on %d cores: start no more ranks than cores, and not bound to fewer",
             node->node_size, node->threads, cores);
}

static void judge_room(const struct sight *node, struct advice *advice)
{
    const double least_shared = 4.2e6, least_memory = 1e8; /* a rank */
    if (!node->maps) {
        advice->level = LEVEL_WARN;
        text_add(&advice->text,
                 "; no room to share data in %s: each rank holds its own copy; TMPDIR names another folder",
                 node->temporary);
    }
    if (node->memory >= 0 && node->memory < least_memory * node->node_size) {
        advice->level = LEVEL_WARN;
        text_add(&advice->text, "; less than 100 MB a rank: start fewer");
    }
    if (node->node_size > 1 && node->shared_free >= 0 && node->shared_free < least_shared * node->node_size) {
        advice->level = LEVEL_BAD;
        text_add(&advice->text, "; MPI takes 4.2 MB a rank in /dev/shm: enlarge it, or mpirun --mca btl tcp,self");
    }
}

static void judge_node(const struct sight *sights, int ranks, const struct sight *node, struct findings *findings)
{
    const int cores = count_cores(sights, ranks, node->host);
    const double skew = fabs(node->clock - sights[0].clock), most_skew = 5;
    struct advice advice = {.level = LEVEL_OK};
    judge_load(node, cores, &advice);
    judge_room(node, &advice);
    if (skew > most_skew) {
        advice.level = advice.level == LEVEL_BAD ? LEVEL_BAD : LEVEL_WARN;
        text_add(&advice.text, "; its clock is %.0f s off rank 0's: have it set", skew);
    }
    findings_add(findings, advice.level, "node",
                 "%s: %d rank%s, %d core%s, BLAS kernel %s; free: %.3g GB memory, %.3g GB in /dev/shm, %.3g GB in %s%s",
                 node->host, node->node_size, node->node_size == 1 ? "" : "s", cores, cores == 1 ? "" : "s",
                 node->kernel, 1e-9 * node->memory, 1e-9 * node->shared_free, 1e-9 * node->temporary_free,
                 node->temporary, advice.text.data == NULL ? "" : advice.text.data);
    text_free(&advice.text);
}

/* A run refuses ranks that differ. */
static void judge_engine(const struct sight *sights, int ranks, struct findings *findings)
{
    const struct sight *other = NULL;
    const char *asked = getenv("SEEDBED_VECTORS");
    const bool narrow = width_of_build() < width_of_cpu() && (asked == NULL || asked[0] == '\0');
    for (int rank = 0; rank < ranks; rank++)
        if (strcmp(sights[rank].engine, sights[0].engine) != 0)
            other = &sights[rank];
    if (other != NULL)
        findings_add(findings, LEVEL_BAD, "engine",
                     "%s on %s, but %s on %s: start one build, with SEEDBED_VECTORS naming vectors that all have",
                     sights[0].engine, sights[0].host, other->engine, other->host);
    else if (narrow)
        findings_add(findings, LEVEL_WARN, "engine",
                     "%s, but this CPU has %s: build here, or put the portable build's executables into one folder",
                     sights[0].engine, width_name(width_of_cpu()));
    else
        findings_add(findings, LEVEL_OK, "engine", "%s", sights[0].engine);
}

static void judge_blas(const struct sight *sights, int ranks, struct findings *findings)
{
    int threads = 1;
    const char *other = NULL;
    for (int rank = 0; rank < ranks; rank++) {
        threads = sights[rank].threads > threads ? sights[rank].threads : threads;
        if (strcmp(sights[rank].kernel, sights[0].kernel) != 0)
            other = sights[rank].kernel;
    }
    if (threads > 1)
        findings_add(findings, LEVEL_BAD, "BLAS",
                     "%s: does not hold to one thread, but takes %d a rank, which changes bits: set OMP_NUM_THREADS=1",
                     blas_config(), threads);
    else if (other != NULL)
        findings_add(findings, LEVEL_WARN, "BLAS",
                     "kernels %s and %s: trials have other bits on other nodes: set OPENBLAS_CORETYPE=Haswell",
                     sights[0].kernel, other);
    else
        findings_add(findings, LEVEL_OK, "BLAS", "%s, one thread a rank", blas_config());
}

/* Older than the version a.b.c that follows. */
static bool is_older(const int version[3], int a, int b, int c)
{
    if (version[0] != a)
        return version[0] < a;
    return version[1] != b ? version[1] < b : version[2] < c;
}

void doctor_judge_mpi(const char *version, struct findings *findings)
{
    int found[3] = {0};
    const bool known = sscanf(version, "Open MPI v%d.%d.%d", &found[0], &found[1], &found[2]) == 3;
    const bool corrupts = is_older(found, 3, 0, 4) || (found[0] == 3 && found[1] == 1 && found[2] < 4) ||
                          (found[0] == 4 && is_older(found, 4, 0, 1));
    if (known && corrupts)
        findings_add(findings, LEVEL_BAD, "MPI",
                     "%s: its MPI-IO damages files: take 4.0.1 or newer, or mpirun --mca io romio314", version);
    else if (!known)
        findings_add(findings, LEVEL_WARN, "MPI", "%s: seedbed is tested with Open MPI 4.1 only", version);
    else
        findings_add(findings, LEVEL_OK, "MPI", "%s", version);
}

void doctor_judge_hdf5(const char *version, struct findings *findings)
{
    int found[3] = {0};
    (void)sscanf(version, "HDF5 %d.%d.%d", &found[0], &found[1], &found[2]);
    if (found[0] == 1 && found[1] == 10 && found[2] == 5)
        findings_add(findings, LEVEL_BAD, "HDF5", "%s: reads metadata wrongly in parallel: take another version",
                     version);
    else
        findings_add(findings, LEVEL_OK, "HDF5", "%s, parallel", version);
}

static void tell_start(const struct cluster *cluster, const struct sight *sights, struct findings *findings)
{
    int nodes = 0;
    for (int rank = 0; rank < cluster->size; rank++)
        nodes += sights[rank].first_of_node;
    const char *recovery = getenv("OMPI_MCA_orte_enable_recovery");
    const char *how = getenv("OMPI_COMM_WORLD_SIZE") != NULL ? "by mpirun"
                      : getenv("PMIX_RANK") != NULL          ? "by srun or another launcher"
                                                             : "without a launcher: mpirun -n RANKS starts more";
    findings_add(findings, LEVEL_OK, "start", "%d rank%s on %d node%s, started %s; a rank that dies %s", cluster->size,
                 cluster->size == 1 ? "" : "s", nodes, nodes == 1 ? "" : "s", how,
                 recovery != NULL && strcmp(recovery, "0") != 0 ? "does not end the others (recovery mode)"
                                                                : "ends the run, and --resume goes on");
}

enum status doctor_examine(struct cluster *cluster, const char *folder, struct findings *findings, struct error *error)
{
    struct sight *sights = NULL;
    MPI_Barrier(cluster->world); /* so that clocks are read together */
    const struct sight mine = see(cluster);
    enum status status =
        memory_allocate((void **)&sights, (size_t)cluster->size, sizeof *sights, "what ranks see", error);
    status = cluster_agree(cluster, status, error);
    if (status == STATUS_OK)
        status = mpi_check(
            MPI_Gather(&mine, (int)sizeof mine, MPI_BYTE, sights, (int)sizeof mine, MPI_BYTE, 0, cluster->world),
            "gathering what ranks see", error);
    if (status == STATUS_OK && cluster->rank == 0) {
        char version[64];
        results_library(version, sizeof version);
        judge_engine(sights, cluster->size, findings);
        doctor_judge_mpi(cluster_mpi_version(), findings);
        doctor_judge_hdf5(version, findings);
        judge_blas(sights, cluster->size, findings);
        tell_start(cluster, sights, findings);
        for (int rank = 0; rank < cluster->size; rank++)
            if (sights[rank].first_of_node)
                judge_node(sights, cluster->size, &sights[rank], findings);
    }
    memory_free(sights);
    return status == STATUS_OK ? disk_examine(folder, &cluster->world, findings, error) : status;
}
