#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "sweep/forecast.h"
#include "sweep/preview.h"
#include "sweep/simulator.h"
#include "sweep/times.h"
#include "sweep/units.h"

enum { OPTION_RANKS, OPTION_GFLOPS, OPTION_SPREAD, OPTION_LIST, OPTION_SET };

static const struct option_spec options[] = {
    [OPTION_RANKS] = {"--ranks", "N", false, "Predict the time on N ranks, and simulate the schedule."},
    [OPTION_GFLOPS] = {"--gflops", "X", false, "GFLOP/s of a rank of another machine; else measured here."},
    [OPTION_SPREAD] = {"--spread", "SIGMA", false, "Let trials take a log-normal factor of their time (0 to 3)."},
    [OPTION_LIST] = {"--list", NULL, false,
                     "List the networks layer by layer and every trial; with --ranks, what each will take."},
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

enum { ORDERS = ORDER_RANDOM + 1, RANKS_MAX = 10000000 };

/* What was asked for. */
struct wish {
    int ranks;
    double gflops, spread; /* 0: measure; 0: none */
    bool simulates, lists;
};

struct schedule {
    struct times times;
    bool root_serves;
    struct simulated simulated[ORDERS];
};

static enum status simulate_orders(const struct plan *plan, const struct wish *wish, struct schedule *schedule,
                                   struct error *error)
{
    struct units units;
    TRY(units_create(plan, &units, error));
    schedule->root_serves = schedule_rank0_serves(&plan_sweep_config(plan)->schedule, wish->ranks);
    enum status status = STATUS_OK;
    for (int order = 0; status == STATUS_OK && order < ORDERS; order++) {
        struct simulation simulation = {.scheduler = units_schedule(&units),
                                        .seconds = schedule->times.seconds,
                                        .spread = wish->spread,
                                        .root_serves = schedule->root_serves,
                                        .costs = simulator_costs_measured};
        simulation.scheduler.worker_count = wish->ranks;
        simulation.scheduler.order = (enum schedule_order)order;
        simulation.costs.look = fmax(simulation.costs.look, schedule->times.batch_seconds);
        status = simulate(&simulation, &schedule->simulated[order], error);
    }
    units_free(&units);
    return status;
}

static void print_forecast(const struct forecast *forecast, const struct schedule *schedule, const struct wish *wish)
{
    char time[32], file[32];
    const struct times *times = &schedule->times;
    const double seconds = wish->simulates ? schedule->simulated[ORDER_LPT].makespan : times->total;
    printf("work      %.3g FLOPs, the longest trial %.3g\n", forecast->flops, forecast->longest_flops);
    progress_duration(seconds, time, sizeof time);
    progress_bytes(forecast->file_bytes, file, sizeof file);
    printf("time      about %s on %d rank%s, at %.3g GFLOP/s %s\n", time, wish->ranks, wish->ranks == 1 ? "" : "s",
           times->flops_per_second * 1e-9, wish->gflops > 0 ? "as given" : "measured here");
    print_memory(forecast);
    printf("file      %s when every row is written\n", file);
}

static void print_schedule(const struct schedule *schedule, int ranks)
{
    static const char *const names[ORDERS] = {[ORDER_LPT] = "lpt", [ORDER_FIFO] = "fifo", [ORDER_RANDOM] = "random"};
    char text[32];
    progress_duration(schedule->simulated[ORDER_LPT].bound, text, sizeof text);
    printf("schedule  simulated on %d rank%s, rank 0 %s; nothing is shorter than %s\n", ranks, ranks == 1 ? "" : "s",
           schedule->root_serves ? "only serves" : "trains too", text);
    printf("          %-8s%-14s%-12s%-12s%-18s%s\n", "order", "time", "efficiency", "ranks busy", "idle at the end",
           "rank 0 serves");
    for (int order = 0; order < ORDERS; order++) {
        const struct simulated *it = &schedule->simulated[order];
        printf("          %-8s", names[order]);
        progress_duration(it->makespan, text, sizeof text);
        printf("%-14s%-12.3f%-12.3f", text, it->efficiency, it->busy);
        progress_duration(it->tail, text, sizeof text);
        printf("%-18s%.2g %%\n", text, 100 * it->root_load);
    }
}

/* seconds: [trials], or NULL */
static enum status print_list(struct plan *plan, const double *seconds, struct error *error)
{
    struct text text = {0};
    enum status status = preview_models(plan, &text, error);
    if (status == STATUS_OK)
        status = preview_trials(plan, seconds, &text, error);
    if (status == STATUS_OK)
        status = text_status(&text, error);
    if (status == STATUS_OK)
        fputs(text.data, stdout);
    text_free(&text);
    return status;
}

static enum status print_numbers(const struct preview *preview, const struct wish *wish, struct schedule *schedule,
                                 struct error *error)
{
    struct forecast forecast;
    TRY(forecast_make(preview->plan, preview->schema, &forecast, error));
    if (wish->gflops > 0)
        TRY(times_assume(preview->plan, wish->gflops * 1e9, &schedule->times, error));
    else
        TRY(times_measure(preview->plan, preview->schema, &schedule->times, error));
    if (wish->simulates)
        TRY(simulate_orders(preview->plan, wish, schedule, error));
    print_forecast(&forecast, schedule, wish);
    if (wish->simulates)
        print_schedule(schedule, wish->ranks);
    return STATUS_OK;
}

static enum status print_plan(const struct preview *preview, const struct wish *wish, struct error *error)
{
    struct schedule schedule = {0};
    printf("%s\n", plan_sweep_config(preview->plan)->name);
    print_axes(preview->plan);
    print_data(preview->plan);
    print_models(preview->plan);
    enum status status = print_numbers(preview, wish, &schedule, error);
    if (status == STATUS_OK && wish->lists)
        status = print_list(preview->plan, wish->simulates ? schedule.times.seconds : NULL, error);
    times_free(&schedule.times);
    return status;
}

static enum status read_number(const struct arguments *arguments, int option, double most, double *out,
                               struct error *error)
{
    const char *text = argument_value(arguments, option);
    char *end = NULL;
    if (text == NULL)
        return STATUS_OK;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out > 0 && *out <= most))
        return fail(error, STATUS_USAGE, "%s: '%s' is not a number above 0 and up to %g", options[option].name, text,
                    most);
    return STATUS_OK;
}

static enum status read_wish(const struct arguments *arguments, struct wish *out, struct error *error)
{
    long long ranks = 1;
    const char *text = argument_value(arguments, OPTION_RANKS);
    if (text != NULL)
        TRY(argument_integer(text, "--ranks", 1, &ranks, error));
    if (ranks > RANKS_MAX)
        return fail(error, STATUS_USAGE, "--ranks: '%s' is too many; at most %d", text, RANKS_MAX);
    *out = (struct wish){.ranks = (int)ranks, .simulates = text != NULL, .lists = arguments->count[OPTION_LIST] > 0};
    TRY(read_number(arguments, OPTION_GFLOPS, 1e9, &out->gflops, error));
    return read_number(arguments, OPTION_SPREAD, 3, &out->spread, error);
}

static int run(const struct arguments *arguments)
{
    struct error error = {0};
    struct faults faults = {0};
    struct preview preview = {0};
    struct wish wish = {.ranks = 1};
    if (read_wish(arguments, &wish, &error) != STATUS_OK)
        return command_failed(&error);
    enum status status = preview_open(arguments->operands[0], arguments->values[OPTION_SET],
                                      arguments->count[OPTION_SET], &preview, &faults, &error);
    if (status == STATUS_OK)
        status = print_plan(&preview, &wish, &error);
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
