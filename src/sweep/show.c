/* show.c - one trial for a person: the sweep in the file is planned again, so that every key has its value. */
#include <inttypes.h>

#include "base/memory.h"
#include "sweep/plan.h"
#include "sweep/report.h"
#include "sweep/stored.h"

static enum status show_config(const struct plan_request *request, int64_t trial, struct text *out, struct error *error)
{
    struct faults faults = {0};
    struct plan *plan = NULL;
    void *config = NULL;
    enum status status = plan_create(request, &plan, &faults, error);
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
    struct stored_sweep stored;
    TRY(stored_sweep_read(reader, &stored, error));
    const struct plan_request request = stored_sweep_request(&stored, "");
    const enum status status = show_config(&request, trial, out, error);
    stored_sweep_free(&stored);
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
