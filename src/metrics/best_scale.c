/* best_scale.c - the mean cross-entropy of s z is convex in s: Newton's steps, held in a bracket by halving. All in
 * double. With p = softmax(s z) and d_j = z_j - z_label its derivatives are the means of sum p d and of the variance of
 * d under p. */
#include "metrics/best_scale.h"

#include <math.h>
#include <stdbool.h>

struct problem {
    int n, classes;
    const float *logits;
    const int16_t *labels;
};

struct curve {
    double value, slope, curvature;
};

/* Of a sum whose largest term is 1, terms below e^-45 are less than its rounding. */
static const double negligible = -45;

static void add_sample(const struct problem *problem, int i, double s, struct curve *to)
{
    const float *z = problem->logits + (int64_t)i * problem->classes;
    const double own = (double)z[problem->labels[i]];
    double most = 0; /* of d */
    for (int j = 0; j < problem->classes; j++)
        most = fmax(most, (double)z[j] - own);
    double total = 0, first = 0, second = 0;
    for (int j = 0; j < problem->classes; j++) {
        const double d = (double)z[j] - own, power = s * (d - most);
        if (power < negligible)
            continue;
        const double e = exp(power);
        total += e;
        first += e * d;
        second += e * d * d;
    }
    to->value += s * most + log(total);
    to->slope += first / total;
    to->curvature += second / total - first / total * (first / total);
}

static struct curve curve_at(const struct problem *problem, double s)
{
    struct curve sum = {0};
    for (int i = 0; i < problem->n; i++)
        add_sample(problem, i, s, &sum);
    return (struct curve){sum.value / problem->n, sum.slope / problem->n, sum.curvature / problem->n};
}

/* Whether no class is above the label in any sample; then *limit is the loss at an infinite scale. */
static bool none_is_wrong(const struct problem *problem, double *limit)
{
    double sum = 0;
    for (int i = 0; i < problem->n; i++) {
        const float *z = problem->logits + (int64_t)i * problem->classes;
        int equal = 0;
        for (int j = 0; j < problem->classes; j++) {
            if (z[j] > z[problem->labels[i]])
                return false;
            equal += z[j] == z[problem->labels[i]];
        }
        sum += log(equal);
    }
    *limit = sum / problem->n;
    return true;
}

struct best_scale find_best_scale(int n, int classes, const float *logits, const int16_t *labels, double start)
{
    enum { STEPS_MAX = 200 };
    const struct problem problem = {.n = n, .classes = classes, .logits = logits, .labels = labels};
    double limit = 0;
    if (none_is_wrong(&problem, &limit))
        return (struct best_scale){.scale = INFINITY, .loss = limit};
    if (curve_at(&problem, 0).slope >= 0)
        return (struct best_scale){.scale = 0, .loss = log(classes)};
    double low = 0, high = INFINITY, s = start; /* the slope is below 0 at low and not below 0 at high */
    for (int step = 0;; step++) {
        const struct curve curve = curve_at(&problem, s);
        const double change = curve.curvature > 0 ? -curve.slope / curve.curvature : copysign(INFINITY, -curve.slope);
        if (fabs(change) <= 1e-10 * s || step == STEPS_MAX)
            return (struct best_scale){.scale = s, .loss = curve.value};
        *(curve.slope < 0 ? &low : &high) = s;
        if (s + change > low && s + change < fmin(high, 4 * s))
            s += change;
        else
            s = isinf(high) ? 2 * s : 0.5 * (low + high);
    }
}
