/* session.c - the table /sessions: one row per start of a run. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/memory.h"
#include "results/reader.h"
#include "results/second_run.h"
#include "results/writer.h"

/* How a session ended that did not end in order, before and after its rows were checked. */
static const struct {
    const char *unchecked, *checked;
} disorderly[] = {{"running", "killed"}, {"failed", "failed, checked"}};

static enum status put_ending(struct results_writer *writer, int64_t row, const char *ending, struct error *error)
{
    char text[ENDING_BYTES] = "";
    snprintf(text, sizeof text, "%s", ending);
    return writer_put(writer, layout_own(writer->layout, TABLE_TRIALS, SESSION_ENDING), row, text, error);
}

/* The word for a session whose rows have been checked; NULL where it needs no check. */
static const char *checked_word(const char *ending)
{
    for (size_t i = 0; i < sizeof disorderly / sizeof *disorderly; i++)
        if (strcmp(ending, disorderly[i].unchecked) == 0)
            return disorderly[i].checked;
    return NULL;
}

static enum status note_checked(struct results_writer *writer, const struct results_reader *reader, struct error *error)
{
    char *endings = NULL;
    size_t each = 0;
    int64_t count = 0;
    TRY(results_read_texts(reader, "/sessions/ending", &endings, &each, &count, error));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        const char *word = checked_word(endings + (size_t)i * each);
        if (word != NULL && i != writer->session)
            status = put_ending(writer, i, word, error);
    }
    memory_free(endings);
    return status;
}

static enum status note_earlier_checked(struct results_writer *writer, struct error *error)
{
    struct results_reader *reader = NULL;
    TRY(reader_open_sound(writer->path, &reader, error));
    const enum status status = note_checked(writer, reader, error);
    results_reader_close(&reader);
    return status;
}

enum status results_read_orderly(const struct results_reader *reader, bool **orderly, int64_t *count,
                                 struct error *error)
{
    char *endings = NULL;
    size_t each = 0;
    void *memory = NULL;
    TRY(results_read_texts(reader, "/sessions/ending", &endings, &each, count, error));
    const enum status status = memory_allocate(&memory, (size_t)*count, sizeof(bool), "sessions", error);
    *orderly = memory;
    for (int64_t i = 0; i < *count && status == STATUS_OK; i++)
        (*orderly)[i] = endings[(size_t)i * each] != '\0' && checked_word(endings + (size_t)i * each) == NULL;
    memory_free(endings);
    return status;
}

enum status results_session_begin(struct results_writer *writer, const struct results_session *session,
                                  struct error *error)
{
    char host[HOST_BYTES] = "", engine[ENGINE_BYTES] = "";
    snprintf(host, sizeof host, "%s", session->host);
    snprintf(engine, sizeof engine, "%s", session->engine);
    const double not_ended = (double)NAN;
    TRY(writer_put_session(writer, SESSION_STARTED, &session->started, error));
    TRY(writer_put_session(writer, SESSION_ENDED, &not_ended, error));
    TRY(writer_put_session(writer, SESSION_HOST, host, error));
    TRY(writer_put_session(writer, SESSION_PROCESS, &session->process, error));
    TRY(writer_put_session(writer, SESSION_RANKS, &session->ranks, error));
    TRY(writer_put_session(writer, SESSION_ENGINE, engine, error));
    TRY(note_earlier_checked(writer, error));
    TRY(put_ending(writer, writer->session, session->ending[0] == '\0' ? "running" : session->ending, error));
    return writer_sync(writer, error);
}

void results_session_beat(struct results_writer *writer)
{
    const double now = clock_monotonic();
    if (now < writer->next_beat)
        return;
    writer->next_beat = now + beat_interval;
    (void)futimens(writer->descriptor, NULL); /* where that is refused, commits are all that others see */
}

enum status results_session_end(struct results_writer *writer, const char *ending, struct error *error)
{
    const double now = clock_wall();
    TRY(writer_check_file(writer, error));
    TRY(writer_put_session(writer, SESSION_ENDED, &now, error));
    TRY(put_ending(writer, writer->session, ending, error));
    return writer_sync(writer, error);
}

static enum status read_number(const struct results_reader *reader, const char *path, int index, double *out,
                               struct error *error)
{
    void *data = NULL;
    int64_t count = 0;
    TRY(results_read(reader, path, RESULTS_FLOAT64, &data, &count, error));
    *out = index < count ? ((const double *)data)[index] : (double)NAN;
    memory_free(data);
    return STATUS_OK;
}

static enum status read_text(const struct results_reader *reader, const char *path, int index, char *out, size_t bytes,
                             struct error *error)
{
    char *data = NULL;
    size_t each = 0;
    int64_t count = 0;
    TRY(results_read_texts(reader, path, &data, &each, &count, error));
    snprintf(out, bytes, "%s", index < count ? data + (size_t)index * each : "");
    memory_free(data);
    return STATUS_OK;
}

/* The last row with an ending; -1 when there is none. */
static enum status find_last(const struct results_reader *reader, int *index, struct error *error)
{
    char *endings = NULL;
    size_t each = 0;
    int64_t count = 0;
    TRY(results_read_texts(reader, "/sessions/ending", &endings, &each, &count, error));
    *index = -1;
    for (int64_t i = 0; i < count && endings[(size_t)i * each] != '\0'; i++)
        *index = (int)i;
    memory_free(endings);
    return STATUS_OK;
}

enum status results_read_last_session(const struct results_reader *reader, struct results_session *out, int *index,
                                      struct error *error)
{
    int last = -1;
    double process = 0, ranks = 0;
    struct results_session session = {0};
    TRY(find_last(reader, &last, error));
    if (last >= 0) {
        TRY(read_number(reader, "/sessions/started", last, &session.started, error));
        TRY(read_number(reader, "/sessions/ended", last, &session.ended, error));
        TRY(read_number(reader, "/sessions/process", last, &process, error));
        TRY(read_number(reader, "/sessions/ranks", last, &ranks, error));
        TRY(read_text(reader, "/sessions/host", last, session.host, sizeof session.host, error));
        TRY(read_text(reader, "/sessions/engine", last, session.engine, sizeof session.engine, error));
        TRY(read_text(reader, "/sessions/ending", last, session.ending, sizeof session.ending, error));
        session.process = (int64_t)process;
        session.ranks = (int32_t)ranks;
    }
    *out = session;
    *index = last;
    return STATUS_OK;
}
