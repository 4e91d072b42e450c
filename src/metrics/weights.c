/* weights.c - every parameter, so that the network can be rebuilt from the results file. */
#include <stddef.h>
#include <string.h>

#include "metrics/kinds.h"

struct weights_settings {
    struct metric_when when;
};

static const struct field weights_fields[] = {METRIC_WHEN_FIELDS(struct weights_settings, "[init, end]"), {0}};

static const struct column weights_columns[] = {
    {.name = "parameters",
     .type = COLUMN_FLOAT32,
     .dimensions = {DIMENSION_POINT, DIMENSION_PARAMETER},
     .units = "1",
     .long_name =
         "flat parameter block: the tensors of the network one after another, each row-major; then its running "
         "statistics"}};

static enum status weights_measure(const void *settings, const struct measurement *at, void *state, void *const *row,
                                   struct error *error)
{
    (void)settings, (void)state, (void)error;
    memcpy(row[0], at->parameters, (size_t)(at->parameter_count + at->state_count) * sizeof *at->parameters);
    return STATUS_OK;
}

const struct metric_ops metric_weights = {.kind = {.name = "weights",
                                                   .summary = "every parameter of the network",
                                                   .fields = weights_fields,
                                                   .check = metric_when_check},
                                          .column_count = sizeof weights_columns / sizeof weights_columns[0],
                                          .columns = weights_columns,
                                          .measure = weights_measure};
