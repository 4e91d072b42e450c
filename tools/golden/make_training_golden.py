#!/usr/bin/env python3
"""Makes tests/golden/training.h: what PyTorch, in double, makes of a tiny network in 50 full-batch steps.

    make_training_golden.py > tests/golden/training.h

Needs PyTorch. Each case has its own optimizer setting, loss, activation and schedule; all start from the same weights.
"""
import itertools
import math

import torch
import torch.nn.functional as F

SAMPLES, FEATURES, HIDDEN, CLASSES, STEPS, RATE = 12, 6, (5, 4), 3, 50, 0.05
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


def forward_correction(z, y, hot, noise, rate):
    one = torch.eye(CLASSES, dtype=z.dtype)
    matrix = {"symmetric": (1 - rate) * one + rate / (CLASSES - 1) * (1 - one),
              "uniform": (1 - rate) * one + rate / CLASSES,
              "pair": (1 - rate) * one + rate * one.roll(1, dims=1)}[noise]
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
    "forward_correction": (forward_correction, [dict(noise=noise, rate=0.3) for noise in ("symmetric", "uniform", "pair")]),
}


def loss_of(case, z, y):
    hot = F.one_hot(y, CLASSES).double()
    return LOSSES[case["loss"]][0](z, y, hot, **case["settings"]).mean()


def train(x, y, tensors, case):
    w = [t.double().clone().requires_grad_() for t in tensors]
    sgd = torch.optim.SGD(w, lr=RATE, momentum=case["momentum"], nesterov=case["nesterov"], weight_decay=case["decay"])
    schedule = {"constant": lambda: torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: 1.0),
                "step": lambda: torch.optim.lr_scheduler.StepLR(sgd, 20, 0.5),
                "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(sgd, STEPS)}[case["schedule"]]()
    for _ in range(STEPS):
        sgd.zero_grad()
        h = x.double()
        for i in range(0, len(w), 2):
            h = F.linear(h, w[i], w[i + 1])
            if i < len(w) - 2:
                h = ACTIVATIONS[case["activation"]](h)
        loss_of(case, h, y).backward()
        sgd.step()
        schedule.step()
    return torch.cat([t.detach().flatten() for t in w])


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


def array(numbers, indent):
    texts = [f"{float(v):.9g}" for v in numbers]
    texts = [t if any(c in t for c in ".e") else t + ".0" for t in texts]
    lines = [", ".join(t + "f" for t in texts[i:i + 8]) for i in range(0, len(texts), 8)]
    return "{" + (",\n" + " " * indent).join(lines) + "}"


def c_value(value):
    return f'0, "{value}"' if isinstance(value, str) else f"{value}, NULL"


def main():
    torch.manual_seed(0)
    x = torch.randn(SAMPLES, FEATURES)
    y = torch.arange(SAMPLES) % CLASSES
    widths = (FEATURES, *HIDDEN, CLASSES)
    tensors = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        tensors += [torch.randn(fan_out, fan_in) / fan_in ** 0.5, torch.randn(fan_out) * 0.1]
    start = torch.cat([t.flatten() for t in tensors])
    print("/* training.h - made by tools/golden/make_training_golden.py: weights before and after 50 steps by PyTorch. */")
    print("/* clang-format off */")
    print("#ifndef SEEDBED_TESTS_GOLDEN_TRAINING_H\n#define SEEDBED_TESTS_GOLDEN_TRAINING_H\n\n#include <stdbool.h>\n#include <stddef.h>\n")
    print(f"enum {{ GOLDEN_SAMPLES = {SAMPLES}, GOLDEN_FEATURES = {FEATURES}, GOLDEN_CLASSES = {CLASSES},")
    print(f"       GOLDEN_STEPS = {STEPS}, GOLDEN_PARAMETERS = {len(start)}, GOLDEN_LOSS_SETTINGS = 3 }};\n")
    print(f"static const double golden_rate = {RATE};")
    print(f"static const int golden_hidden[] = {{{', '.join(map(str, HIDDEN))}}};")
    print(f"static const float golden_x[GOLDEN_SAMPLES * GOLDEN_FEATURES] =\n    {array(x.flatten(), 4)};")
    print("/* label of sample i: i mod classes */")
    print(f"static const float golden_start[GOLDEN_PARAMETERS] =\n    {array(start, 4)};\n")
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
