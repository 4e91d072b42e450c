/* interpolation_course.c - the last layer's biases and the errors of each class from epoch to epoch, and whether the
 * classes learned last have the largest biases. */
#include <math.h>
#include <stddef.h>

#include "base/memory.h"
#include "kernels/ranks.h"
#include "kernels/reduce.h"
#include "metrics/interpolation.h"

/* Classes at most half of whose samples are wrong count as learned. */
static const double learned_error = 0.5;

const float *interpolation_last_bias(const struct measurement *at)
{
    const float *values = at->parameters, *bias = NULL;
    for (int t = 0; t < at->tensor_count; t++) {
        const struct tensor_spec *const tensor = &at->tensors[t];
        int64_t size = 1;
        for (int i = 0; i < tensor->rank; i++)
            size *= tensor->dimensions[i];
        if (tensor->role == TENSOR_WEIGHT)
            bias = NULL;
        if (tensor->role == TENSOR_BIAS && size == at->classes)
            bias = values;
        values += size;
    }
    return bias;
}

/* errors[c] = share of class c's samples that are wrong; NaN without samples      errors [classes] */
static void class_errors(const struct evaluation *part, int classes, double *errors)
{
    for (int c = 0; c < classes; c++) {
        int count = 0, wrong = 0;
        for (int i = 0; i < part->count; i++) {
            if (part->labels[i] != c)
                continue;
            count++;
            wrong += first_maximum(classes, part->logits + (size_t)i * (size_t)classes) != c;
        }
        errors[c] = count > 0 ? (double)wrong / count : (double)NAN;
    }
}

void interpolation_record_epoch(const struct measurement *at, void *const *row)
{
    const float *const bias = interpolation_last_bias(at);
    const size_t first = (size_t)at->epoch * (size_t)at->sizes->classes;
    double *const errors = (double *)row[COLUMN_CLASS_ERROR] + first;
    int32_t *const learned = row[COLUMN_LEARNED_EPOCH];
    class_errors(&at->parts[PART_TRAIN], at->classes, errors);
    for (int c = 0; c < at->classes; c++)
        if (learned[c] < 0 && errors[c] < learned_error)
            learned[c] = at->epoch;
    if (bias == NULL)
        return;
    float least = bias[0], most = bias[0];
    for (int c = 0; c < at->classes; c++) {
        ((float *)row[COLUMN_LAST_BIAS])[first + (size_t)c] = bias[c];
        least = fminf(least, bias[c]);
        most = fmaxf(most, bias[c]);
    }
    ((double *)row[COLUMN_LAST_BIAS_SPREAD])[at->epoch] = (double)most - (double)least;
}

enum status interpolation_record_end(const struct measurement *at, void *const *row, struct error *error)
{
    const float *const bias = interpolation_last_bias(at);
    const int32_t *const learned = row[COLUMN_LEARNED_EPOCH];
    const size_t classes = (size_t)at->classes;
    void *room = NULL;
    if (bias == NULL)
        return STATUS_OK;
    TRY(memory_allocate(&room, 2 * classes, sizeof(double), "order of the classes", error));
    double *const order = room, *const biases = order + classes;
    for (size_t c = 0; c < classes; c++) {
        order[c] = learned[c] < 0 ? (double)INFINITY : (double)learned[c];
        biases[c] = (double)bias[c];
    }
    const enum status status = rank_correlation(at->classes, order, biases, row[COLUMN_BIAS_CORRELATION], error);
    memory_free(room);
    return status;
}
