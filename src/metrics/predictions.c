#include "metrics/predictions.h"

#include <math.h>

/* The label's entry is minus the sum of the others, which is exact where the label is nearly certain. */
double sample_error_norm(int classes, const float *z, int label)
{
    double most = z[0];
    for (int j = 1; j < classes; j++)
        most = fmax(most, (double)z[j]);
    const double own = exp((double)z[label] - most);
    double others = 0, squares = 0;
    for (int j = 0; j < classes; j++) {
        if (j == label)
            continue;
        const double e = exp((double)z[j] - most);
        others += e;
        squares += e * e;
    }
    return sqrt(squares + others * others) / (own + others);
}
