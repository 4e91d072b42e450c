#include "base/transition.h"

#include <math.h>

static const double SUM_TOLERANCE = 1e-6;

enum status transition_check(const struct real_matrix *matrix, struct error *error)
{
    if (matrix->rows != matrix->columns || matrix->rows == 0)
        return fail(error, STATUS_BAD_SWEEP,
                    "matrix has %d rows of %d numbers; it needs a row and a column for each class", matrix->rows,
                    matrix->columns);
    for (int row = 0; row < matrix->rows; row++) {
        double sum = 0;
        for (int j = 0; j < matrix->columns; j++)
            sum += matrix->values[row * matrix->columns + j];
        if (fabs(sum - 1) > SUM_TOLERANCE)
            return fail(error, STATUS_BAD_SWEEP, "row %d of matrix sums to %.9g; the probabilities of a class sum to 1",
                        row, sum);
    }
    return STATUS_OK;
}
