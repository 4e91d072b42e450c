#!/usr/bin/env python3
"""Makes tests/golden/losses.h: every loss and its gradient at ordinary and extreme logits.

    make_loss_golden.py > tests/golden/losses.h

The plain formulas in decimal numbers of 450 digits, where nothing cancels, underflows or overflows, and their central
differences of step 1e-100. Needs nothing but Python.
"""
import decimal
import functools
from decimal import Decimal as D

decimal.getcontext().prec = 450
decimal.getcontext().Emin, decimal.getcontext().Emax = -10**9, 10**9
STEP = D("1e-100")
CLASSES = 5
ROWS = [  # logits, exact in float32, and label
    ([0.5, -1.25, 2, 0.125, -0.75], 1), ([0.5, -1.25, 2, 0.125, -0.75], 2), ([3, 3, 3, 3, 3], 2),
    ([20, 1, -2, 0.5, 3], 0), ([20, 1, -2, 0.5, 3], 4), ([60, 0, 0.5, -1, 1], 0), ([60, 0, 0.5, -1, 1], 3),
    ([1000, -1000, 990, 0, -3], 0), ([1000, -1000, 990, 0, -3], 1), ([1000, -1000, 990, 0, -3], 2),
    ([-1000, -1000.5, -999, -1001, -1002], 4), ([0, 0.5, -1000, 1, 2], 2), ([1000, 999.5, 998, 1000.25, 999], 3)]


@functools.lru_cache(maxsize=None)
def softmax(z):
    e = [x.exp() for x in z]
    return [x / sum(e) for x in e]


def hot(j, y):
    return D(int(j == y))


@functools.lru_cache(maxsize=None)
def cross_entropy(z, y):
    return -softmax(z)[y].ln()


def mse(z, y):
    return sum((x - hot(j, y)) ** 2 for j, x in enumerate(softmax(z)))


def mse_logits(z, y):
    return sum((x - hot(j, y)) ** 2 for j, x in enumerate(z))


def rll(z, y, alpha):
    g = softmax(z)
    others = [(alpha + x).ln() for j, x in enumerate(g) if j != y]
    return ((alpha + 1) / alpha).ln() - (alpha + g[y]).ln() + sum(others) / len(others)


def nmse(z, y):
    return mse(z, y) / sum(mse(z, j) for j in range(len(z)))


def mae(z, y):
    return sum(abs(x - hot(j, y)) for j, x in enumerate(softmax(z)))


def nce(z, y):
    return cross_entropy(z, y) / sum(cross_entropy(z, j) for j in range(len(z)))


def gce(z, y, q):
    return (1 - softmax(z)[y] ** q) / q


def sce(z, y, alpha, beta, log_zero):
    reverse = -sum(x * (0 if j == y else log_zero) for j, x in enumerate(softmax(z)))
    return alpha * cross_entropy(z, y) + beta * reverse


def focal(z, y, gamma):
    p = softmax(z)[y]
    return -(1 - p) ** gamma * p.ln()


def hinge(z, y, margin):
    return max(D(0), margin - (z[y] - max(x for j, x in enumerate(z) if j != y)))


def exponential(z, y):
    return sum((x - z[y]).exp() for j, x in enumerate(z) if j != y)


def cross_entropy_with(target, z):
    return sum(t * cross_entropy(z, j) for j, t in enumerate(target))


def label_smoothing(z, y, epsilon):
    return cross_entropy_with([(1 - epsilon) * hot(j, y) + epsilon / CLASSES for j in range(CLASSES)], z)


def soft_bootstrap(z, y, beta):
    return cross_entropy_with([beta * hot(j, y) + (1 - beta) * g for j, g in enumerate(softmax(z))], z)


def hard_bootstrap(z, y, beta):
    predicted = z.index(max(z))
    return cross_entropy_with([beta * hot(j, y) + (1 - beta) * hot(j, predicted) for j in range(CLASSES)], z)


MATRIX = [["0.5", "0.25", "0.125", "0.125", "0"], ["0", "1", "0", "0", "0"], ["0.0625", "0", "0.9375", "0", "0"],
          ["0.25", "0.25", "0", "0.25", "0.25"], ["0.5", "0", "0", "0.25", "0.25"]]


def transition(noise, rate, i, y):
    if noise == "class_conditional":
        return D(MATRIX[i][y])
    if noise == "symmetric":
        return 1 - rate if i == y else rate / (CLASSES - 1)
    return (1 - rate) * hot(i, y) + (rate / CLASSES if noise == "uniform" else rate * hot((i + 1) % CLASSES, y))


def forward_correction(z, y, noise, rate):
    return -sum(g * transition(noise, rate, i, y) for i, g in enumerate(softmax(z))).ln()


VARIANTS = [
    (cross_entropy, {}), (mse, {}), (mse_logits, {}), (nmse, {}), (mae, {}), (nce, {}), (exponential, {}),
    (rll, dict(alpha="0.01")), (rll, dict(alpha="0.1")), (rll, dict(alpha="0.45")), (rll, dict(alpha="100")),
    (gce, dict(q="0.0001")), (gce, dict(q="0.7")), (gce, dict(q="1")),
    (sce, dict(alpha="0.1", beta="1", log_zero="-4")), (sce, dict(alpha="6", beta="0.1", log_zero="-6")),
    (sce, dict(alpha="0", beta="1", log_zero="-4")),
    (focal, dict(gamma="0")), (focal, dict(gamma="0.5")), (focal, dict(gamma="1")), (focal, dict(gamma="2")),
    (focal, dict(gamma="5")), (hinge, dict(margin="0.5")), (hinge, dict(margin="1")), (hinge, dict(margin="12")),
    (label_smoothing, dict(epsilon="0")), (label_smoothing, dict(epsilon="0.1")), (soft_bootstrap, dict(beta="0.95")),
    (soft_bootstrap, dict(beta="0.3")), (hard_bootstrap, dict(beta="0.8")), (hard_bootstrap, dict(beta="0.3")),
    (forward_correction, dict(noise="symmetric", rate="0")), (forward_correction, dict(noise="symmetric", rate="0.4")),
    (forward_correction, dict(noise="uniform", rate="0.4")), (forward_correction, dict(noise="pair", rate="0.3")),
    (forward_correction, dict(noise="class_conditional", rate="0.2")),
]
KINKED = [(hinge, 2), (hard_bootstrap, 2)]  # rows where a loss has no gradient


def setting(value):
    """As the engine reads it: a name, or a double."""
    return value if value[0].isalpha() else D(float(value))


def differences(loss, z, y, settings):
    for j in range(CLASSES):
        sides = [loss(tuple(x + side * STEP * (i == j) for i, x in enumerate(z)), y, **settings) for side in (1, -1)]
        yield (sides[0] - sides[1]) / (2 * STEP)


def text(value):
    return repr(float(value)) if abs(value) > D("1e-300") else "0.0"


def c_value(value):
    return f'0, "{value}"' if value[0].isalpha() else f"{float(value)!r}, NULL"


def print_cases():
    for number, (loss, settings) in enumerate(VARIANTS):
        settings = {key: setting(value) for key, value in settings.items()}
        for row, (z, y) in enumerate(ROWS):
            z = tuple(map(D, z))
            value = loss(z, y, **settings)
            if (loss, row) in KINKED or value > D("1e38"):
                continue
            gradient = ", ".join(map(text, differences(loss, z, y, settings)))
            print(f"    {{{number}, {row}, {text(value)}, {{{gradient}}}}},")


def main():
    print("/* losses.h - made by tools/golden/make_loss_golden.py: losses and gradients from decimals of 450 digits. */")
    print("/* clang-format off */")
    print("#ifndef SEEDBED_TESTS_GOLDEN_LOSSES_H\n#define SEEDBED_TESTS_GOLDEN_LOSSES_H\n\n#include <stddef.h>\n#include <stdint.h>\n")
    print(f"enum {{ GOLDEN_CLASSES = {CLASSES}, GOLDEN_SETTINGS = 3 }};\n")
    print("static const struct golden_row {\n    float logits[GOLDEN_CLASSES];\n    int16_t label;\n} golden_rows[] = {")
    for z, y in ROWS:
        print(f"    {{{{{', '.join(repr(float(x)) + 'f' for x in z)}}}, {y}}},")
    print("};\n\n/* Of the noise class_conditional. */\nstatic const double golden_matrix[GOLDEN_CLASSES * GOLDEN_CLASSES] = {")
    for row in MATRIX:
        print(f"    {', '.join(repr(float(x)) for x in row)},")
    print("};\n\nstatic const struct golden_variant {\n    const char *loss;\n    struct golden_setting {\n"
          "        const char *key;\n        double value;\n        const char *name; /* NULL: a number */\n    } settings[GOLDEN_SETTINGS];\n} golden_variants[] = {")
    for loss, settings in VARIANTS:
        pairs = ", ".join(f'{{"{key}", {c_value(value)}}}' for key, value in settings.items())
        print(f'    {{"{loss.__name__}", {{{pairs or "{0}"}}}}},')
    print("};\n\nstatic const struct golden_loss {\n    int variant, row;\n    double value, gradient[GOLDEN_CLASSES];\n"
          "} golden_losses[] = {")
    print_cases()
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
