/* noise_matrix.c - label noise by a matrix: row i has the probabilities of each label for a sample of class i. */
#include <math.h>
#include <stddef.h>

#include "data/noise.h"

static const double SUM_TOLERANCE = 1e-6;

struct matrix_settings {
    struct real_list matrix;
};

/* The first label at which the row's running sum passes the sample's number; where rounding leaves none, the last one
 * with a probability. */
static int16_t label_at(const double *row, int classes, double number)
{
    int16_t label = 0;
    double sum = 0;
    for (int j = 0; j < classes && sum <= number; j++) {
        sum += row[j];
        if (row[j] > 0)
            label = (int16_t)j;
    }
    return label;
}

static enum status matrix_draw(const struct label_noise_request *request, int16_t *labels, struct error *error)
{
    (void)error;
    const double *const matrix = ((const struct matrix_settings *)request->settings)->matrix.values;
    for (int i = 0; i < request->n; i++) {
        uint32_t words[4];
        const double number = noise_unit(request, i, words);
        labels[i] = label_at(matrix + request->true_labels[i] * request->classes, request->classes, number);
    }
    return STATUS_OK;
}

static enum status matrix_check(const void *settings, struct error *error)
{
    const struct real_list *const matrix = &((const struct matrix_settings *)settings)->matrix;
    const int classes = (int)lrint(sqrt(matrix->count));
    if (matrix->count == 0 || classes * classes != matrix->count)
        return fail(error, STATUS_BAD_SWEEP, "matrix has %d values; it needs classes x classes, row after row",
                    matrix->count);
    for (int row = 0; row < classes; row++) {
        double sum = 0;
        for (int j = 0; j < classes; j++)
            sum += matrix->values[row * classes + j];
        if (fabs(sum - 1) > SUM_TOLERANCE)
            return fail(error, STATUS_BAD_SWEEP, "row %d of matrix sums to %.9g; the probabilities of a class sum to 1",
                        row, sum);
    }
    return STATUS_OK;
}

static enum status matrix_fit(const void *settings, int classes, struct error *error)
{
    const int count = ((const struct matrix_settings *)settings)->matrix.count;
    if (count == classes * classes)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP, "matrix has %d values, but the data has %d classes; give %d x %d values",
                count, classes, classes, classes);
}

static const struct field matrix_fields[] = {
    {.name = "matrix",
     .type = FIELD_REALS,
     .offset = offsetof(struct matrix_settings, matrix),
     .maximum = 1,
     .summary =
         "Probability of each label for each true class, row after row: classes x classes numbers, at most 11 x 11."},
    {.name = NULL}};

const struct label_noise_ops label_noise_class_conditional = {
    .kind = {.name = "class_conditional",
             .summary = "each class by its own probabilities: a row of `matrix`",
             .fields = matrix_fields,
             .check = matrix_check},
    .draw = matrix_draw,
    .fit = matrix_fit};
