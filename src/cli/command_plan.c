#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "sweep/forecast.h"
#include "sweep/preview.h"

enum { OPTION_RANKS, OPTION_LIST, OPTION_SET };

static const struct option_spec options[] = {
    [OPTION_RANKS] = {"--ranks", "N", false, "Predict the time on N ranks."},
    [OPTION_LIST] = {"--list", NULL, false, "List the networks layer by layer and every trial."},
    [OPTION_SET] = {"--set", "KEY=VALUE", true, "Set a key of the sweep file, such as train.epochs=5."},
    {0},
};

static void print_axes(const struct plan *plan)
{
    printf("trials    %" PRId64 "\n", plan_trial_count(plan));
    if (plan_pair_count(plan) > 0)
        printf("pairs     %" PRId64 " of trials, compared once both have ended\n", plan_pair_count(plan));
    for (int axis = 0; axis < plan_axis_count(plan); axis++)
        printf("%s%s%s", axis == 0 ? "axes      " : ", ", plan_axis_name(plan, axis),
               axis + 1 == plan_axis_count(plan) ? "\n" : "");
}

static void print_data(const struct plan *plan)
{
    for (int i = 0; i < plan_source_count(plan); i++) {
        const struct plan_source *source = plan_source(plan, i);
        const struct dataset_shape *shape = &source->dataset->shape;
        printf("data      %s: %d training and %d test samples of %dx%dx%d, %d classes\n",
               source->config.source.kind->name, shape->count[PART_TRAIN], shape->count[PART_TEST],
               shape->sample.height, shape->sample.width, shape->sample.channels, shape->classes);
    }
    printf("variants  %d of the data (subset, normalisation, label noise, augmentation)\n", plan_variant_count(plan));
}

static void print_models(const struct plan *plan)
{
    for (int i = 0; i < plan_model_count(plan); i++) {
        const struct plan_model *model = plan_model(plan, i);
        printf("model %-3d %s: %" PRId64 " parameters, %.3g FLOPs a sample\n", i, model->config.kind.kind->name,
               model->summary.parameter_count, model->summary.flops_per_sample);
    }
}

static void print_memory(const struct forecast *forecast)
{
    char node[32], rank[32], first[32], libraries[32];
    progress_bytes(forecast->node_bytes, node, sizeof node);
    progress_bytes(forecast->rank_bytes, rank, sizeof rank);
    progress_bytes(forecast->first_rank_bytes, first, sizeof first);
    progress_bytes(FORECAST_LIBRARY_BYTES, libraries, sizeof libraries);
    printf("memory    %s a node for data, %s a rank, %s on rank 0 (%s of each for libraries)\n", node, rank, first,
           libraries);
}

static void print_forecast(const struct forecast *forecast, int ranks)
{
    char time[32], file[32];
    printf("work      %.3g FLOPs, the longest trial %.3g\n", forecast->flops, forecast->longest_flops);
    progress_duration(forecast_seconds(forecast, ranks), time, sizeof time);
    progress_bytes(forecast->file_bytes, file, sizeof file);
    printf("time      about %s on %d rank%s, at %.3g GFLOP/s measured here\n", time, ranks, ranks == 1 ? "" : "s",
           forecast->flops_per_second * 1e-9);
    print_memory(forecast);
    printf("file      %s when every row is written\n", file);
}

static enum status print_list(struct plan *plan, struct error *error)
{
    struct text text = {0};
    enum status status = preview_models(plan, &text, error);
    if (status == STATUS_OK)
        status = preview_trials(plan, &text, error);
    if (status == STATUS_OK)
        status = text_status(&text, error);
    if (status == STATUS_OK)
        fputs(text.data, stdout);
    text_free(&text);
    return status;
}

static enum status print_plan(const struct preview *preview, int ranks, bool list, struct error *error)
{
    struct forecast forecast;
    printf("%s\n", plan_sweep_config(preview->plan)->name);
    print_axes(preview->plan);
    print_data(preview->plan);
    print_models(preview->plan);
    TRY(forecast_make(preview->plan, preview->schema, &forecast, error));
    print_forecast(&forecast, ranks);
    return list ? print_list(preview->plan, error) : STATUS_OK;
}

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    struct faults faults = {0};
    struct preview preview = {0};
    long long ranks = 1;
    if (argument_value(arguments, OPTION_RANKS) != NULL &&
        argument_integer(argument_value(arguments, OPTION_RANKS), "--ranks", 1, &ranks, &error) != STATUS_OK)
        return command_failed(&error);
    enum status status = preview_open(arguments->operands[0], arguments->values[OPTION_SET],
                                      arguments->count[OPTION_SET], &preview, &faults, &error);
    if (status == STATUS_OK)
        status =
            print_plan(&preview, ranks > 10000000 ? 10000000 : (int)ranks, arguments->count[OPTION_LIST] > 0, &error);
    int code = EXIT_OK;
    if (status == STATUS_BAD_SWEEP && faults.count > 0)
        code = faults_failed(&faults, arguments->operands[0]);
    else if (status != STATUS_OK)
        code = command_failed(&error);
    preview_close(&preview);
    faults_free(&faults);
    return code;
}

const struct command command_plan = {
    .name = "plan",
    .operands = "SWEEP.yaml",
    .operand_count = 1,
    .summary = "Check every combination of a sweep and say what it will need; nothing is written.",
    .options = options,
    .run = run,
};
