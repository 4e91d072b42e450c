/* schedules.c - the learning rate of a step, as a function of its place.
 *   constant:    base
 *   step:        base factor^floor(epoch / every)
 *   multistep:   base factor^(number of listed epochs that are finished)
 *   exponential: base factor^epoch
 *   cosine:      minimum + (base - minimum) (1 + cos(pi step / steps)) / 2
 * Warm-up multiplies any of them by (step + 1) / warm-up steps, until that is 1: it does not shift the schedule. */
#include <math.h>

#include "training/training.h"

static double constant_rate(const void *settings, double base, const struct schedule_position *at)
{
    (void)settings;
    (void)at;
    return base;
}

struct step_settings {
    int64_t every;
    double factor;
};

static const struct field step_fields[] = {{.name = "every",
                                            .type = FIELD_INTEGER,
                                            .offset = offsetof(struct step_settings, every),
                                            .default_text = "10",
                                            .minimum = 1,
                                            .maximum = 1e9,
                                            .unit = "epochs",
                                            .summary = "Epochs between two changes."},
                                           {.name = "factor",
                                            .type = FIELD_REAL,
                                            .offset = offsetof(struct step_settings, factor),
                                            .default_text = "0.1",
                                            .maximum = 1e6,
                                            .flags = FIELD_ABOVE_MINIMUM,
                                            .summary = "What each change multiplies the rate by."},
                                           {.name = NULL}};

static double step_rate(const void *settings, double base, const struct schedule_position *at)
{
    const struct step_settings *const step = settings;
    const int64_t changes = at->epoch / step->every;
    return base * pow(step->factor, (double)changes);
}

struct multistep_settings {
    struct integer_list epochs;
    double factor;
};

static const struct field multistep_fields[] = {
    {.name = "epochs",
     .type = FIELD_INTEGERS,
     .offset = offsetof(struct multistep_settings, epochs),
     .minimum = 1,
     .maximum = 1e9,
     .unit = "epochs",
     .summary = "The rate changes when so many epochs are finished, at each of these numbers."},
    {.name = "factor",
     .type = FIELD_REAL,
     .offset = offsetof(struct multistep_settings, factor),
     .default_text = "0.1",
     .maximum = 1e6,
     .flags = FIELD_ABOVE_MINIMUM,
     .summary = "What each change multiplies the rate by."},
    {.name = NULL}};

static double multistep_rate(const void *settings, double base, const struct schedule_position *at)
{
    const struct multistep_settings *const multistep = settings;
    int changes = 0;
    for (int i = 0; i < multistep->epochs.count; i++)
        changes += multistep->epochs.values[i] <= at->epoch;
    return base * pow(multistep->factor, changes);
}

struct exponential_settings {
    double factor;
};

static const struct field exponential_fields[] = {{.name = "factor",
                                                   .type = FIELD_REAL,
                                                   .offset = offsetof(struct exponential_settings, factor),
                                                   .default_text = "0.95",
                                                   .maximum = 1e6,
                                                   .flags = FIELD_ABOVE_MINIMUM,
                                                   .summary = "What each finished epoch multiplies the rate by."},
                                                  {.name = NULL}};

static double exponential_rate(const void *settings, double base, const struct schedule_position *at)
{
    const struct exponential_settings *const exponential = settings;
    return base * pow(exponential->factor, (double)at->epoch);
}

struct cosine_settings {
    double minimum;
};

static const struct field cosine_fields[] = {{.name = "minimum",
                                              .type = FIELD_REAL,
                                              .offset = offsetof(struct cosine_settings, minimum),
                                              .default_text = "0",
                                              .maximum = 1e6,
                                              .summary = "The rate that the curve falls towards."},
                                             {.name = NULL}};

static double cosine_rate(const void *settings, double base, const struct schedule_position *at)
{
    const struct cosine_settings *const cosine = settings;
    const double pi = 3.14159265358979323846;
    const double share = at->steps == 0 ? 0 : (double)at->step / (double)at->steps;
    return cosine->minimum + (base - cosine->minimum) * 0.5 * (1.0 + cos(pi * share));
}

static const struct schedule_ops constant = {.kind = {.name = "constant", .summary = "the same rate at every step"},
                                             .rate = constant_rate};
static const struct schedule_ops step = {
    .kind = {.name = "step", .summary = "multiplied by a factor after every so many epochs", .fields = step_fields},
    .rate = step_rate};
static const struct schedule_ops multistep = {
    .kind = {.name = "multistep", .summary = "multiplied by a factor at listed epochs", .fields = multistep_fields},
    .rate = multistep_rate};
static const struct schedule_ops exponential = {.kind = {.name = "exponential",
                                                         .summary = "multiplied by a factor after every epoch",
                                                         .fields = exponential_fields},
                                                .rate = exponential_rate};
static const struct schedule_ops cosine = {
    .kind = {.name = "cosine",
             .summary = "half a cosine from the base rate to a minimum, step by step",
             .fields = cosine_fields},
    .rate = cosine_rate};

const struct kind_table schedule_table = {.what = "schedule",
                                          .plural = "schedules",
                                          .kinds =
                                              (const struct kind *const[]){&constant.kind, &step.kind, &multistep.kind,
                                                                           &exponential.kind, &cosine.kind, NULL}};

double training_rate(const struct train_config *config, const struct schedule_position *at)
{
    const struct schedule_ops *const ops = (const struct schedule_ops *)config->schedule.kind;
    const double rate = ops->rate(config->schedule.settings, config->learning_rate, at);
    const double warmup_steps = round(config->warmup * (double)at->epoch_steps), taken = (double)at->step + 1;
    return taken < warmup_steps ? rate * taken / warmup_steps : rate;
}
