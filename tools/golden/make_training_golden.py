#!/usr/bin/env python3
"""Makes tests/golden/training.h: what PyTorch, in double, makes of a tiny network in 50 full-batch steps.

    make_training_golden.py > tests/golden/training.h

Needs PyTorch. Each case has its own optimizer setting, loss, activation and schedule; all start from the same weights.
"""
import itertools
import math

import torch
import torch.nn.functional as F

import tiny_network
from tiny_network import CLASSES, STEPS, array

RATE = 0.05
NOISES = ("symmetric", "uniform", "pair", "class_conditional")
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "softplus": F.softplus, "linear": lambda x: x}
SGD = [(0.0, False), (0.9, False), (0.9, True)]


def rll(z, y, hot, alpha):
    logs = (alpha + F.softmax(z, dim=1)).log()
    others = (logs * (1 - hot)).sum(dim=1) / (CLASSES - 1)
    return math.log((alpha + 1) / alpha) - (logs * hot).sum(dim=1) + others


def mse(z, y, hot):
    return ((F.softmax(z, dim=1) - hot) ** 2).sum(dim=1)


def nmse(z, y, hot):
    return mse(z, y, hot) / sum(mse(z, y, F.one_hot(torch.full_like(y, j), CLASSES)) for j in range(CLASSES))


def label_probability(z, hot):
    return (F.softmax(z, dim=1) * hot).sum(dim=1)


def sce(z, y, hot, alpha, beta, log_zero):
    reverse = -(F.softmax(z, dim=1) * (1 - hot) * log_zero).sum(dim=1)
    return alpha * F.cross_entropy(z, y, reduction="none") + beta * reverse


def focal(z, y, hot, gamma):
    p = label_probability(z, hot)
    return -(1 - p) ** gamma * p.log()


def exponential(z, y, hot):
    return ((z - (z * hot).sum(dim=1, keepdim=True)).exp() * (1 - hot)).sum(dim=1)


def bootstrap(z, hot, beta, own):
    return -((beta * hot + (1 - beta) * own) * F.log_softmax(z, dim=1)).sum(dim=1)


MATRIX = [[0.75, 0.25, 0.0], [0.125, 0.625, 0.25], [0.0, 0.375, 0.625]]


def forward_correction(z, y, hot, noise, rate):
    one = torch.eye(CLASSES, dtype=z.dtype)
    matrix = {"symmetric": (1 - rate) * one + rate / (CLASSES - 1) * (1 - one),
              "uniform": (1 - rate) * one + rate / CLASSES,
              "pair": (1 - rate) * one + rate * one.roll(1, dims=1),
              "class_conditional": torch.tensor(MATRIX, dtype=z.dtype)}[noise]
    return -((F.softmax(z, dim=1) @ matrix) * hot).sum(dim=1).log()


# Loss of each sample, with the settings it is tried with.
LOSSES = {
    "cross_entropy": (lambda z, y, hot: F.cross_entropy(z, y, reduction="none"), [{}]),
    "mse": (mse, [{}]),
    "mse_logits": (lambda z, y, hot: ((z - hot) ** 2).sum(dim=1), [{}]),
    "rll": (rll, [dict(alpha=0.01), dict(alpha=0.45)]),
    "nmse": (nmse, [{}]),
    "mae": (lambda z, y, hot: (F.softmax(z, dim=1) - hot).abs().sum(dim=1), [{}]),
    "nce": (lambda z, y, hot: F.cross_entropy(z, y, reduction="none") / -F.log_softmax(z, dim=1).sum(dim=1), [{}]),
    "gce": (lambda z, y, hot, q: (1 - label_probability(z, hot) ** q) / q, [dict(q=0.1), dict(q=0.7)]),
    "sce": (sce, [dict(alpha=0.5, beta=1.0, log_zero=-4.0)]),
    "focal": (focal, [dict(gamma=0.5), dict(gamma=2.0)]),
    "hinge": (lambda z, y, hot, margin: (margin - (z * hot).sum(dim=1) + (z - 1e9 * hot).max(dim=1).values).clamp(min=0),
              [dict(margin=1.0)]),
    "exponential": (exponential, [{}]),
    "label_smoothing": (lambda z, y, hot, epsilon: F.cross_entropy(z, y, reduction="none", label_smoothing=epsilon),
                        [dict(epsilon=0.2)]),
    "soft_bootstrap": (lambda z, y, hot, beta: bootstrap(z, hot, beta, F.softmax(z, dim=1)), [dict(beta=0.6)]),
    "hard_bootstrap": (lambda z, y, hot, beta: bootstrap(z, hot, beta, F.one_hot(z.argmax(dim=1), CLASSES)),
                       [dict(beta=0.6)]),
    "forward_correction": (forward_correction, [dict(noise=noise, rate=0.3) for noise in NOISES]),
}


def loss_of(case, z, y):
    hot = F.one_hot(y, CLASSES).double()
    return LOSSES[case["loss"]][0](z, y, hot, **case["settings"]).mean()


def train(x, y, tensors, case):
    def make_optimizer(w):
        sgd = torch.optim.SGD(w, lr=RATE, momentum=case["momentum"], nesterov=case["nesterov"],
                              weight_decay=case["decay"])
        schedules = torch.optim.lr_scheduler
        return sgd, {"constant": lambda: schedules.LambdaLR(sgd, lambda step: 1.0),
                     "step": lambda: schedules.StepLR(sgd, 20, 0.5),
                     "cosine": lambda: schedules.CosineAnnealingLR(sgd, STEPS)}[case["schedule"]]()

    def step(logits, w, sgd):
        loss_of(case, logits, y).backward()
        sgd.step()

    return tiny_network.train(x, tensors, ACTIVATIONS[case["activation"]], make_optimizer, step)


def cases():
    names = itertools.cycle(ACTIVATIONS)
    for loss in ("cross_entropy", "mse", "mse_logits"):
        for (momentum, nesterov), decay in itertools.product(SGD, (0.0, 0.01)):
            yield dict(loss=loss, settings={}, momentum=momentum, nesterov=nesterov, decay=decay, schedule="constant",
                       activation=next(names))
    for schedule in ("step", "cosine"):
        yield dict(loss="cross_entropy", settings={}, momentum=0.9, nesterov=False, decay=0.01, schedule=schedule, activation="tanh")
    for loss, (_, variants) in list(LOSSES.items())[3:]:
        for settings in variants:
            yield dict(loss=loss, settings=settings, momentum=0.9, nesterov=False, decay=0.0, schedule="constant",
                       activation="tanh")


def c_value(value):
    return f'0, "{value}"' if isinstance(value, str) else f"{value}, NULL"


def main():
    x, y, tensors = tiny_network.draw(0)
    print("/* training.h - made by tools/golden/make_training_golden.py: weights before and after 50 steps by PyTorch. */")
    print("/* clang-format off */")
    print("#ifndef SEEDBED_TESTS_GOLDEN_TRAINING_H\n#define SEEDBED_TESTS_GOLDEN_TRAINING_H\n\n#include <stdbool.h>\n#include <stddef.h>\n")
    tiny_network.print_head(x, tensors, ", GOLDEN_LOSS_SETTINGS = 3")
    print(f"static const double golden_rate = {RATE};")
    print("/* of the noise class_conditional */")
    print(f"static const double golden_matrix[] = {{{', '.join(str(x) for row in MATRIX for x in row)}}};")
    print("static const struct golden_case {\n    const char *loss, *activation, *schedule;\n    double momentum, decay;")
    print("    bool nesterov;\n    struct {\n        const char *key;\n        double value;\n        const char *name; /* NULL: a number */\n    } settings[GOLDEN_LOSS_SETTINGS];\n    float end[GOLDEN_PARAMETERS];\n} golden_cases[] = {")
    for case in cases():
        end = train(x, y, tensors, case)
        pairs = ", ".join(f'{{"{key}", {c_value(value)}}}' for key, value in case["settings"].items())
        print(f'    {{"{case["loss"]}", "{case["activation"]}", "{case["schedule"]}", {case["momentum"]}, {case["decay"]}, '
              f'{str(case["nesterov"]).lower()}, {{{pairs or "{0}"}}},\n     {array(end, 5)}}},')
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
