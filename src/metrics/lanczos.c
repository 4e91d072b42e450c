/* lanczos.c - a basis of the spaces v, A v, A^2 v, ... in which A is tridiagonal: T. Its outermost eigenvalues come
 * near those of A within tens of steps. With beta the length of what the last step left over, and s the last part of
 * T's eigenvector (of length 1), A has an eigenvalue within beta |s| of T's. Rounding makes later vectors lean towards
 * what was found already, which then shows again among the largest: harmless where one is wanted; where several are,
 * each vector is made orthogonal to all before it. */
#include "metrics/lanczos.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

struct basis {
    const struct symmetric_map *map;
    const struct lanczos_limits *limits;
    int steps;
    double *v, *before, *image; /* [size] */
    double *diagonal, *beside;  /* [limits->steps] of T; beside[k] joins k and k + 1, or is left over */
    double *down, *up, *vector; /* [limits->steps] room */
    float *kept;                /* [limits->steps, size]; NULL: none are */
};

static double dot(int64_t n, const double *a, const double *b)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += a[i] * b[i];
    return total;
}

static double dot_kept(int64_t n, const float *a, const double *b)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += (double)a[i] * b[i];
    return total;
}

static void keep(const struct basis *basis, int step)
{
    for (int64_t i = 0; basis->kept != NULL && i < basis->map->size; i++)
        basis->kept[step * basis->map->size + i] = (float)basis->v[i];
}

static void orthogonalise(const struct basis *basis)
{
    const int64_t size = basis->map->size;
    for (int step = 0; basis->kept != NULL && step < basis->steps; step++) {
        const float *const other = basis->kept + step * size;
        const double along = dot_kept(size, other, basis->image);
        for (int64_t i = 0; i < size; i++)
            basis->image[i] -= along * (double)other[i];
    }
}

/* One more row of T. */
static enum status step(struct basis *basis, struct error *error)
{
    const int64_t size = basis->map->size;
    const int k = basis->steps;
    const double last = k > 0 ? basis->beside[k - 1] : 0;
    TRY(basis->map->apply(basis->map->context, basis->v, basis->image, error));
    keep(basis, k);
    basis->steps++;
    basis->diagonal[k] = dot(size, basis->v, basis->image);
    for (int64_t i = 0; i < size; i++)
        basis->image[i] -= basis->diagonal[k] * basis->v[i] + last * basis->before[i];
    orthogonalise(basis);
    basis->beside[k] = sqrt(dot(size, basis->image, basis->image));
    return STATUS_OK;
}

static void advance(struct basis *basis)
{
    const double length = basis->beside[basis->steps - 1];
    memcpy(basis->before, basis->v, (size_t)basis->map->size * sizeof *basis->v);
    for (int64_t i = 0; i < basis->map->size; i++)
        basis->v[i] = basis->image[i] / length;
}

/* Not zero, so that it divides. */
static double pivot_of(double x)
{
    return fabs(x) < DBL_MIN ? DBL_MIN : x;
}

/* How many of T's eigenvalues are above x: positive pivots of T - x. */
static int count_above(const struct basis *basis, double x)
{
    int count = 0;
    double pivot = 1;
    for (int k = 0; k < basis->steps; k++) {
        const double left = k > 0 ? basis->beside[k - 1] : 0;
        pivot = pivot_of(basis->diagonal[k] - x - left * left / pivot);
        count += pivot > 0;
    }
    return count;
}

/* No eigenvalue of T is larger in absolute value: Gershgorin. */
static double bound(const struct basis *basis)
{
    double most = 0;
    for (int k = 0; k < basis->steps; k++) {
        const double left = k > 0 ? basis->beside[k - 1] : 0;
        const double right = k + 1 < basis->steps ? basis->beside[k] : 0;
        most = fmax(most, fabs(basis->diagonal[k]) + left + right);
    }
    return most * (1 + DBL_EPSILON) + DBL_MIN;
}

/* T's eigenvalue number `rank` from above, from 0, by bisection. */
static double eigenvalue_at(const struct basis *basis, int rank)
{
    enum { HALVINGS = 64 };
    double high = bound(basis), low = -high;
    for (int i = 0; i < HALVINGS; i++) {
        const double middle = low + (high - low) / 2;
        if (count_above(basis, middle) > rank)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

/* The last part of T's eigenvector of x. Pivots of T - x from above and from below meet where the vector is large; from
 * there it is followed both ways, so that no part of it is lost. */
static double last_part(const struct basis *basis, double x)
{
    const int n = basis->steps;
    const double *const beside = basis->beside;
    double *const down = basis->down, *const up = basis->up, *const vector = basis->vector;
    int start = 0;
    double least = (double)INFINITY, squares = 0;
    for (int k = 0; k < n; k++)
        down[k] = pivot_of(basis->diagonal[k] - x - (k > 0 ? beside[k - 1] * beside[k - 1] / down[k - 1] : 0));
    for (int k = n - 1; k >= 0; k--) {
        up[k] = pivot_of(basis->diagonal[k] - x - (k + 1 < n ? beside[k] * beside[k] / up[k + 1] : 0));
        const double meeting = fabs(down[k] + up[k] - (basis->diagonal[k] - x));
        if (meeting < least) {
            least = meeting;
            start = k;
        }
    }
    vector[start] = 1;
    for (int k = start - 1; k >= 0; k--)
        vector[k] = -beside[k] * vector[k + 1] / down[k];
    for (int k = start + 1; k < n; k++)
        vector[k] = -beside[k - 1] * vector[k - 1] / up[k];
    for (int k = 0; k < n; k++)
        squares += vector[k] * vector[k];
    return fabs(vector[n - 1]) / sqrt(squares);
}

static struct eigenvalue find(const struct basis *basis, int rank)
{
    if (rank >= basis->steps)
        return (struct eigenvalue){(double)NAN, (double)NAN};
    const double value = eigenvalue_at(basis, rank);
    return (struct eigenvalue){value, basis->beside[basis->steps - 1] * last_part(basis, value)};
}

/* What is left over by a step when the basis holds an eigenvector for every eigenvalue of A, as a share of the largest:
 * products are in float. */
static const double rounding = 1e-6;

/* After so many steps from a random start, an eigenvalue that is farther out than what was found by more than 1 % of
 * what lies between the outermost ones was missed with a probability of 1 % at most: 1.648 sqrt(n) exp(-sqrt(e) (2 k -
 * 1)) for k steps and a share e (Kuczynski, Wozniakowski 1992). Before, what A has many times, such as 0 where there
 * are more parameters than samples, is found within a small error and looks like the end. A matrix of few rows is soon
 * known whole. */
static int steps_to_be_sure(int64_t size)
{
    static const double share = 0.01, risk = 0.01;
    const int steps = (int)ceil((log(1.648 * sqrt((double)size) / risk) / sqrt(share) + 1) / 2);
    return size < 4 * steps ? 0 : steps;
}

/* Whether every error is within the tolerance. */
static bool look(const struct basis *basis, struct eigenvalue *largest, struct eigenvalue *smallest)
{
    *smallest = find(basis, basis->steps - 1);
    double error = smallest->error, size = fabs(smallest->value);
    for (int rank = 0; rank < basis->limits->top; rank++) {
        largest[rank] = find(basis, rank);
        error = isnan(largest[rank].error) ? (double)INFINITY : fmax(error, largest[rank].error);
        size = fmax(size, fabs(largest[rank].value));
    }
    return error <= basis->limits->tolerance * size;
}

static enum status iterate(struct basis *basis, struct eigenvalue *largest, struct eigenvalue *smallest,
                           struct error *error)
{
    const int64_t size = basis->map->size;
    const int most = basis->limits->steps < size ? basis->limits->steps : (int)size;
    const int sure = steps_to_be_sure(size);
    const double length = sqrt(dot(size, basis->v, basis->v));
    for (int64_t i = 0; i < size; i++)
        basis->v[i] /= length;
    for (;;) {
        TRY(step(basis, error));
        const double left = basis->beside[basis->steps - 1];
        const bool found = look(basis, largest, smallest);
        if ((found && basis->steps >= sure) || basis->steps == most || !(left > rounding * bound(basis)))
            return STATUS_OK;
        advance(basis);
    }
}

/* Room in one block, doubles first. */
static enum status allocate(struct basis *basis, void **block, struct error *error)
{
    const size_t size = (size_t)basis->map->size, steps = (size_t)basis->limits->steps;
    const size_t kept = basis->limits->top > 1 ? steps * size : 0;
    TRY(memory_allocate(block, (2 * size + 5 * steps) * sizeof(double) + kept * sizeof(float), 1, "eigenvalues",
                        error));
    basis->before = *block;
    basis->image = basis->before + size;
    basis->diagonal = basis->image + size;
    basis->beside = basis->diagonal + steps;
    basis->down = basis->beside + steps;
    basis->up = basis->down + steps;
    basis->vector = basis->up + steps;
    basis->kept = kept > 0 ? (float *)(void *)(basis->vector + steps) : NULL;
    return STATUS_OK;
}

enum status lanczos(const struct symmetric_map *map, const struct lanczos_limits *limits, double *v,
                    struct eigenvalue *largest, struct eigenvalue *smallest, int *steps, struct error *error)
{
    struct basis basis = {.map = map, .limits = limits, .v = v};
    void *block = NULL;
    TRY(allocate(&basis, &block, error));
    const enum status status = iterate(&basis, largest, smallest, error);
    *steps = basis.steps;
    memory_free(block);
    return status;
}
