#include "results/second_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "results/lock.h"
#include "results/reader.h"

static bool read_last_session(const char *path, struct results_session *out)
{
    struct results_reader *reader = NULL;
    int index = -1;
    if (reader_open_sound(path, &reader, NULL) != STATUS_OK)
        return false;
    if (results_read_last_session(reader, out, &index, NULL) != STATUS_OK)
        index = -1;
    results_reader_close(&reader);
    return index >= 0;
}

enum status second_run_refuse(const char *path, struct error *error)
{
    struct results_session session = {0};
    if (!read_last_session(path, &session))
        return fail(error, STATUS_BUSY, "%s: another run is writing to this file", path);
    char since[32] = "";
    const time_t started = (time_t)session.started;
    struct tm parts;
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", gmtime_r(&started, &parts));
    return fail(error, STATUS_BUSY,
                "%s: another run is writing to this file: process %" PRId64 " on %s, since %s UTC: wait for its end or "
                "stop it",
                path, session.process, session.host, since);
}

/* Host names are compared without their domain, which MPI may leave out. */
static bool is_here(const char *host)
{
    char here[HOST_BYTES] = "";
    gethostname(here, sizeof here - 1);
    const size_t length = strcspn(here, ".");
    return strcspn(host, ".") == length && strncmp(host, here, length) == 0;
}

static bool has_ended(const struct results_session *session, bool locked)
{
    if (strcmp(session->ending, "running") != 0)
        return true;
    if (!is_here(session->host))
        return false;
    return locked || session->process <= 0 || (kill((pid_t)session->process, 0) != 0 && errno == ESRCH);
}

/* Opened anew: network file systems then ask the server. */
static struct timespec last_touch(const char *path)
{
    struct stat info = {0};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return info.st_mtim;
    if (fstat(descriptor, &info) != 0)
        info = (struct stat){0};
    close(descriptor);
    return info.st_mtim;
}

enum status second_run_check(const char *path, bool locked, double patience, struct error *error)
{
    struct results_session session = {0};
    if (!read_last_session(path, &session) || has_ended(&session, locked))
        return STATUS_OK;
    log_line("%s: its last run (process %" PRId64 " on %s) did not say that it ended: waiting %.0f s to see whether it "
             "still writes",
             path, session.process, session.host, patience);
    const struct timespec first = last_touch(path);
    for (const double end = clock_monotonic() + patience; clock_monotonic() < end;) {
        clock_sleep(patience / 100);
        const struct timespec now = last_touch(path);
        if (now.tv_sec != first.tv_sec || now.tv_nsec != first.tv_nsec)
            return second_run_refuse(path, error);
    }
    return STATUS_OK;
}

bool results_in_use(const char *path)
{
    struct results_reader *reader = NULL;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    const enum lock_result lock = lock_look(descriptor);
    close(descriptor);
    if (lock == LOCK_BY_RUN)
        return true;
    if (results_reader_open(path, &reader, NULL) != STATUS_OK)
        return false;
    results_reader_close(&reader);
    return second_run_check(path, lock == LOCK_FREE, beat_patience, NULL) == STATUS_BUSY;
}
