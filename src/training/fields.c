#include <inttypes.h>

#include "training/training.h"

static enum status stop_check(const void *settings, struct error *error)
{
    const struct stop_config *const stop = settings;
    if (stop->every == 0 || stop->train_loss > 0)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP,
                "every is %" PRId64
                " and train_loss is 0: there is nothing to check; give train_loss, or leave out every",
                stop->every);
}

/* The rules that need the training part only. */
#define STOP_RULES                                                                                                  \
    {.name = "steps",                                                                                               \
     .type = FIELD_INTEGER,                                                                                         \
     .offset = offsetof(struct stop_config, steps),                                                                 \
     .default_text = "0",                                                                                           \
     .maximum = 1e12,                                                                                               \
     .unit = "steps",                                                                                               \
     .summary = "Training ends after so many steps, and schedules take that for the end; 0 for never."},            \
        {.name = "train_loss",                                                                                      \
         .type = FIELD_REAL,                                                                                        \
         .offset = offsetof(struct stop_config, train_loss),                                                        \
         .default_text = "0",                                                                                       \
         .maximum = 1e9,                                                                                            \
         .summary =                                                                                                 \
             "Training ends where the mean loss of all training samples, in evaluation mode, is at or below this; " \
             "0 for never."},                                                                                       \
        {.name = "every",                                                                                           \
         .type = FIELD_INTEGER,                                                                                     \
         .offset = offsetof(struct stop_config, every),                                                             \
         .default_text = "0",                                                                                       \
         .maximum = 1e12,                                                                                           \
         .unit = "steps",                                                                                           \
         .summary = "Checks train_loss every so many steps too; 0 for at the ends of epochs only."},                \
    {                                                                                                               \
        .name = "separated", .type = FIELD_FLAG, .offset = offsetof(struct stop_config, separated),                 \
        .default_text = "false",                                                                                    \
        .summary = "Whether training ends after the first epoch at whose end every training sample is right."       \
    }

/* Of struct train_config, at the head of struct stage_config too. */
#define TRAIN_SETTINGS(more)                                                                                        \
    {.name = "epochs",                                                                                              \
     .type = FIELD_INTEGER,                                                                                         \
     .offset = offsetof(struct train_config, epochs),                                                               \
     .default_text = "10",                                                                                          \
     .maximum = 1e6,                                                                                                \
     .unit = "epochs",                                                                                              \
     .flags = (more),                                                                                               \
     .summary = "Passes over the training samples."},                                                               \
        {.name = "batch_size",                                                                                      \
         .type = FIELD_INTEGER,                                                                                     \
         .offset = offsetof(struct train_config, batch_size),                                                       \
         .default_text = "64",                                                                                      \
         .minimum = 1,                                                                                              \
         .maximum = 1 << 24,                                                                                        \
         .unit = "samples",                                                                                         \
         .flags = (more),                                                                                           \
         .summary = "Samples in a step; the last step of an epoch takes what is left."},                            \
        {.name = "loss",                                                                                            \
         .type = FIELD_CHOICE,                                                                                      \
         .offset = offsetof(struct train_config, loss),                                                             \
         .default_text = "cross_entropy",                                                                           \
         .kinds = &loss_table,                                                                                      \
         .flags = (more),                                                                                           \
         .summary = "What training makes small, averaged over the samples of a step."},                             \
        {.name = "optimizer",                                                                                       \
         .type = FIELD_CHOICE,                                                                                      \
         .offset = offsetof(struct train_config, optimizer),                                                        \
         .default_text = "sgd",                                                                                     \
         .kinds = &optimizer_table,                                                                                 \
         .flags = (more),                                                                                           \
         .summary = "How a gradient changes the parameters."},                                                      \
        {.name = "clip_norm",                                                                                       \
         .type = FIELD_REAL,                                                                                        \
         .offset = offsetof(struct train_config, clip_norm),                                                        \
         .default_text = "0",                                                                                       \
         .maximum = 1e9,                                                                                            \
         .flags = (more),                                                                                           \
         .summary = "Longest L2 norm of a step's gradient over all parameters, before "                             \
                    "weight decay; longer ones are scaled down to it; 0 for any."},                                 \
        {.name = "learning_rate",                                                                                   \
         .type = FIELD_REAL,                                                                                        \
         .offset = offsetof(struct train_config, learning_rate),                                                    \
         .default_text = "0.05",                                                                                    \
         .maximum = 1e6,                                                                                            \
         .flags = (more),                                                                                           \
         .summary = "The rate that the schedule starts from."},                                                     \
        {.name = "schedule",                                                                                        \
         .type = FIELD_CHOICE,                                                                                      \
         .offset = offsetof(struct train_config, schedule),                                                         \
         .default_text = "constant",                                                                                \
         .kinds = &schedule_table,                                                                                  \
         .flags = (more),                                                                                           \
         .summary = "How the learning rate changes over the steps."},                                               \
    {                                                                                                               \
        .name = "warmup", .type = FIELD_REAL, .offset = offsetof(struct train_config, warmup), .default_text = "0", \
        .maximum = 1e6, .unit = "epochs", .flags = (more),                                                          \
        .summary = "Epochs, or a part of one, over which the rate rises step by step in a "                         \
                   "line from 0 to what the schedule says, which it does not shift."                                \
    }

static const struct field stop_fields[] = {
    STOP_RULES,
    {.name = "patience",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct stop_config, patience),
     .default_text = "0",
     .maximum = 1e6,
     .unit = "epochs",
     .summary =
         "Training ends after so many epochs without a new least validation loss, or test loss where there is no "
         "validation part; 0 for never."},
    {.name = NULL}};

static const struct field stage_stop_fields[] = {STOP_RULES, {.name = NULL}};

static const struct field stage_fields[] = {
    TRAIN_SETTINGS(FIELD_INHERITED),
    {.name = "stop",
     .type = FIELD_SECTION,
     .offset = offsetof(struct train_config, stop),
     .section = stage_stop_fields,
     .check = stop_check,
     .summary = "What ends the stage before its epochs do; nothing of the main training's."},
    {.name = "label_noise",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct stage_config, label_noise),
     .default_text = "observed",
     .kinds = &stage_label_noise_table,
     .summary = "Labels that the stage trains on: a draw of its own from the `noise` stream."},
    {.name = NULL}};

static const struct field stage_item = {.name = "stage", .type = FIELD_SECTION, .section = stage_fields};

const struct field train_fields[] = {
    TRAIN_SETTINGS(0),
    {.name = "stop",
     .type = FIELD_SECTION,
     .offset = offsetof(struct train_config, stop),
     .section = stop_fields,
     .check = stop_check,
     .summary = "What ends training before its epochs do."},
    {.name = "reduction",
     .type = FIELD_SECTION,
     .offset = offsetof(struct train_config, reduction),
     .section = reduction_fields,
     .check = reduction_check,
     .summary = "Training goes on with a part of its samples."},
    {.name = "stages",
     .type = FIELD_LIST,
     .offset = offsetof(struct train_config, stages),
     .default_text = "[]",
     .flags = FIELD_LATER,
     .item = &stage_item,
     .item_bytes = sizeof(struct stage_config),
     .summary =
         "Training before the training itself, such as on random labels; each stage begins where the one before "
         "ended, with the optimizer's state anew. Epochs, steps, curves and metrics count the main training only."},
    {.name = NULL}};
