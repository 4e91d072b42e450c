#include "cluster/recovery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cluster/liveness.h"

static const double usual_lease = 30, shortest_lease = 0.5, longest_lease = 3600;

/* Later versions have other means. Ranks that another launcher started, such as srun, end with their job. */
static bool started_by_mpirun(void)
{
#if defined(OMPI_MAJOR_VERSION) && OMPI_MAJOR_VERSION < 5
    return getenv("OMPI_COMM_WORLD_SIZE") != NULL;
#else
    return false;
#endif
}

bool recovery_wanted(void)
{
    static const char *const yes[] = {"1", "true", "t", "yes", "y", "enabled"};
    const char *said = started_by_mpirun() ? getenv("OMPI_MCA_orte_enable_recovery") : NULL;
    for (size_t i = 0; said != NULL && i < sizeof yes / sizeof *yes; i++)
        if (strcasecmp(said, yes[i]) == 0)
            return true;
    return false;
}

enum status recovery_lease(double *out, struct error *error)
{
    const char *said = getenv("SEEDBED_LEASE");
    char *end = NULL;
    *out = usual_lease;
    if (said == NULL)
        return STATUS_OK;
    *out = strtod(said, &end);
    if (end == said || *end != '\0' || !(*out >= shortest_lease && *out <= longest_lease))
        return fail(error, STATUS_USAGE, "SEEDBED_LEASE: '%s' is not a number of seconds from %g to %g", said,
                    shortest_lease, longest_lease);
    return STATUS_OK;
}

/* The path of the file with the exit code; false when there is none to write. */
static bool word_path(const struct cluster *cluster, const char *output_path, struct text *out)
{
    if (!cluster->recovers || cluster->rank != 0 || output_path == NULL)
        return false;
    text_add(out, "%s.exit", output_path);
    return !out->failed;
}

void cluster_forget_code(const struct cluster *cluster, const char *output_path)
{
    struct text path = {0};
    if (word_path(cluster, output_path, &path))
        unlink(path.data);
    text_free(&path);
}

static void leave_code(const struct cluster *cluster, const char *output_path, bool opened, int code)
{
    struct text path = {0};
    if (!word_path(cluster, output_path, &path))
        return;
    if (!opened && results_in_use(output_path)) {
        log_line("%s is not written: its place is for the run that has %s", path.data, output_path);
        text_free(&path);
        return;
    }
    FILE *file = fopen(path.data, "w");
    const bool written = file != NULL && fprintf(file, "%d\n", code) > 0;
    if ((file != NULL && fclose(file) != 0) || !written)
        log_warning("%s: the exit code %d could not be written: %s", path.data, code, strerror(errno));
    text_free(&path);
}

void cluster_refuse(int code, const char *output_path)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    const struct cluster to_be = {.rank = rank == NULL ? 0 : atoi(rank), .recovers = recovery_wanted()};
    leave_code(&to_be, output_path, false, code);
}

void cluster_leave(struct cluster **cluster, int code, const char *output_path, bool opened)
{
    struct cluster *it = *cluster;
    leave_code(it, output_path, opened, code);
    if (it->liveness != NULL)
        liveness_leave(it->liveness, code);
    cluster_destroy(cluster);
}

bool cluster_recovers(const struct cluster *cluster)
{
    return cluster->liveness != NULL;
}

void cluster_assure(const struct cluster *cluster)
{
    if (cluster->liveness != NULL)
        liveness_assure(cluster->liveness);
}
