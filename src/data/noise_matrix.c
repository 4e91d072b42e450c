/* noise_matrix.c - label noise by a matrix: row i has the probabilities of each label for a sample of class i. */
#include <stddef.h>

#include "base/transition.h"
#include "data/noise.h"

struct matrix_settings {
    struct real_matrix matrix;
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
    return transition_check(&((const struct matrix_settings *)settings)->matrix, error);
}

static enum status matrix_fit(const void *settings, int classes, struct error *error)
{
    const int rows = ((const struct matrix_settings *)settings)->matrix.rows;
    if (rows == classes)
        return STATUS_OK;
    return fail(error, STATUS_BAD_SWEEP, "matrix is of %d x %d numbers, but the data has %d classes; give %d x %d",
                rows, rows, classes, classes, classes);
}

static const struct field matrix_fields[] = {
    {.name = "matrix",
     .type = FIELD_MATRIX,
     .offset = offsetof(struct matrix_settings, matrix),
     .maximum = 1,
     .summary = "A row for each true class with the probability of each label."},
    {.name = NULL}};

const struct label_noise_ops label_noise_class_conditional = {
    .kind = {.name = "class_conditional",
             .summary = "each class by its own probabilities: a row of `matrix`",
             .fields = matrix_fields,
             .check = matrix_check},
    .draw = matrix_draw,
    .fit = matrix_fit};
