/* show.c - one trial for a person: the sweep in the file is planned again, so that every key has its value. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/plan.h"
#include "sweep/report.h"

enum { SETS_MAX = 64 };

/* Cuts `lines` at its line ends; the pieces are lent. */
static int split_lines(char *lines, const char *pieces[SETS_MAX])
{
    int count = 0;
    while (*lines != '\0' && count < SETS_MAX) {
        const size_t length = strcspn(lines, "\n");
        const bool last = lines[length] == '\0';
        lines[length] = '\0';
        pieces[count++] = lines;
        lines += length + (last ? 0 : 1);
    }
    return count;
}

static enum status show_config(const char *yaml, char *sets, int64_t trial, struct text *out, struct error *error)
{
    const char *pieces[SETS_MAX];
    struct plan_request request = {.name = "/sweep/yaml", .text = yaml, .bytes = strlen(yaml), .base_directory = ""};
    request.sets = pieces;
    request.set_count = split_lines(sets, pieces);
    struct faults faults = {0};
    struct plan *plan = NULL;
    void *config = NULL;
    enum status status = plan_create(&request, &plan, &faults, error);
    if (status == STATUS_OK)
        status = memory_allocate(&config, 1, sizeof(struct trial_config), "configuration", error);
    if (status == STATUS_OK)
        status = plan_trial_config(plan, trial, config, error);
    if (status == STATUS_OK)
        config_dump(trial_fields, config, out);
    memory_free(config);
    plan_destroy(&plan);
    faults_free(&faults);
    return status;
}

static enum status show_sweep(const struct results_reader *reader, int64_t trial, struct text *out, struct error *error)
{
    char *yaml = NULL, *sets = NULL;
    size_t bytes = 0;
    int64_t count = 0;
    enum status status = results_read_texts(reader, "/sweep/yaml", &yaml, &bytes, &count, error);
    if (status == STATUS_OK)
        status = results_read_texts(reader, "/sweep/set", &sets, &bytes, &count, error);
    if (status == STATUS_OK)
        status = show_config(yaml, sets, trial, out, error);
    memory_free(yaml);
    memory_free(sets);
    return status;
}

enum status sweep_show_trial(const char *path, int64_t trial, struct text *out, struct error *error)
{
    struct results_reader *reader = NULL;
    TRY(results_reader_open(path, &reader, error));
    enum status status = STATUS_OK;
    const int64_t count = results_reader_trials(reader);
    if (trial < 0 || trial >= count)
        status = fail(error, STATUS_USAGE, "%s has trials 0 to %" PRId64 ", not %" PRId64, path, count - 1, trial);
    if (status == STATUS_OK)
        status = show_sweep(reader, trial, out, error);
    if (status == STATUS_OK) {
        text_add(out, "\n");
        status = results_show(reader, trial, out, error);
    }
    results_reader_close(&reader);
    return status;
}
