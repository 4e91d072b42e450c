#include "sweep/preview.h"

#include <inttypes.h>

#include "base/memory.h"

enum status preview_load_source(const struct plan_source *source, struct dataset **out, struct error *error)
{
    const enum status status = data_load(&source->config, source->data_seed, out, error);
    return status == STATUS_OK ? status : fail_within(error, "%s", source->place);
}

static enum status load_all(struct preview *preview, struct error *error)
{
    void *memory = NULL;
    const int count = plan_source_count(preview->plan);
    TRY(memory_allocate(&memory, (size_t)count, sizeof *preview->datasets, "data sets", error));
    preview->datasets = memory;
    for (int i = 0; i < count; i++)
        TRY(preview_load_source(plan_source(preview->plan, i), &preview->datasets[i], error));
    return STATUS_OK;
}

enum status preview_plan(const struct plan_request *request, struct preview *out, struct faults *faults,
                         struct error *error)
{
    TRY(plan_create(request, &out->plan, faults, error));
    TRY(load_all(out, error));
    TRY(plan_resolve(out->plan, (const struct dataset *const *)out->datasets, faults, error));
    const struct schema_request schema = {
        .plan = out->plan, .yaml = request->text, .sets = request->sets, .set_count = request->set_count};
    return schema_create(&schema, &out->schema, error);
}

enum status preview_open(const char *path, const char *const *sets, int set_count, struct preview *out,
                         struct faults *faults, struct error *error)
{
    TRY(sweep_file_read(path, &out->file, error));
    const struct plan_request request = sweep_file_request(&out->file, sets, set_count);
    return preview_plan(&request, out, faults, error);
}

void preview_close(struct preview *preview)
{
    schema_destroy(&preview->schema);
    for (int i = 0; preview->datasets != NULL && i < plan_source_count(preview->plan); i++)
        dataset_destroy(&preview->datasets[i]);
    memory_free(preview->datasets);
    plan_destroy(&preview->plan);
    sweep_file_free(&preview->file);
    *preview = (struct preview){0};
}

enum status preview_models(const struct plan *plan, struct text *out, struct error *error)
{
    for (int i = 0; i < plan_model_count(plan); i++) {
        const struct plan_model *model = plan_model(plan, i);
        struct network *network = NULL;
        TRY(network_create(&model->config, model->input, model->classes, 1, &network, error));
        text_add(out, "\nmodel %d\n", i);
        network_describe(network, out);
        network_destroy(&network);
    }
    return STATUS_OK;
}

enum status preview_trials(const struct plan *plan, const double *seconds, struct text *out, struct error *error)
{
    text_add(out, "\n");
    for (int64_t i = 0; i < plan_trial_count(plan); i++) {
        const struct plan_trial *trial = plan_trial(plan, i);
        char identity[HASH_TEXT_BYTES];
        hash_text(trial->identity, identity);
        text_add(out, "trial %" PRId64 " ", i);
        for (int axis = 0; axis < plan_axis_count(plan); axis++)
            text_add(out, " %s=%s", plan_axis_name(plan, axis), plan_axis_text(plan, i, axis));
        text_add(out, "  model %d, %.3g FLOPs, %.8s", trial->model, trial->flops, identity);
        if (seconds != NULL)
            text_add(out, ", %.4g s", seconds[i]);
        text_add(out, "\n");
    }
    return text_status(out, error);
}
