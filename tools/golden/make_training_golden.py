#!/usr/bin/env python3
"""Makes tests/golden/training.h: what PyTorch, in double, makes of a tiny network in 50 full-batch steps.

    make_training_golden.py > tests/golden/training.h

Needs PyTorch. Each case has its own optimizer setting, loss, activation and schedule; all start from the same weights.
"""
import itertools

import torch
import torch.nn.functional as F

SAMPLES, FEATURES, HIDDEN, CLASSES, STEPS, RATE = 12, 6, (5, 4), 3, 50, 0.05
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "softplus": F.softplus, "linear": lambda x: x}
SGD = [(0.0, False), (0.9, False), (0.9, True)]


def losses(name, z, y):
    hot = F.one_hot(y, CLASSES).double()
    if name == "cross_entropy":
        return F.cross_entropy(z, y)
    outputs = F.softmax(z, dim=1) if name == "mse" else z
    return ((outputs - hot) ** 2).sum(dim=1).mean()


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
        losses(case["loss"], h, y).backward()
        sgd.step()
        schedule.step()
    return torch.cat([t.detach().flatten() for t in w])


def cases():
    names = itertools.cycle(ACTIVATIONS)
    for loss in ("cross_entropy", "mse", "mse_logits"):
        for (momentum, nesterov), decay in itertools.product(SGD, (0.0, 0.01)):
            yield dict(loss=loss, momentum=momentum, nesterov=nesterov, decay=decay, schedule="constant",
                       activation=next(names))
    for schedule in ("step", "cosine"):
        yield dict(loss="cross_entropy", momentum=0.9, nesterov=False, decay=0.01, schedule=schedule, activation="tanh")


def array(numbers, indent):
    texts = [f"{float(v):.9g}" for v in numbers]
    texts = [t if any(c in t for c in ".e") else t + ".0" for t in texts]
    lines = [", ".join(t + "f" for t in texts[i:i + 8]) for i in range(0, len(texts), 8)]
    return "{" + (",\n" + " " * indent).join(lines) + "}"


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
    print("#ifndef SEEDBED_TESTS_GOLDEN_TRAINING_H\n#define SEEDBED_TESTS_GOLDEN_TRAINING_H\n\n#include <stdbool.h>\n")
    print(f"enum {{ GOLDEN_SAMPLES = {SAMPLES}, GOLDEN_FEATURES = {FEATURES}, GOLDEN_CLASSES = {CLASSES},")
    print(f"       GOLDEN_STEPS = {STEPS}, GOLDEN_PARAMETERS = {len(start)} }};\n")
    print(f"static const double golden_rate = {RATE};")
    print(f"static const int golden_hidden[] = {{{', '.join(map(str, HIDDEN))}}};")
    print(f"static const float golden_x[GOLDEN_SAMPLES * GOLDEN_FEATURES] =\n    {array(x.flatten(), 4)};")
    print("/* label of sample i: i mod classes */")
    print(f"static const float golden_start[GOLDEN_PARAMETERS] =\n    {array(start, 4)};\n")
    print("static const struct golden_case {\n    const char *loss, *activation, *schedule;\n    double momentum, decay;")
    print("    bool nesterov;\n    float end[GOLDEN_PARAMETERS];\n} golden_cases[] = {")
    for case in cases():
        end = train(x, y, tensors, case)
        print(f'    {{"{case["loss"]}", "{case["activation"]}", "{case["schedule"]}", {case["momentum"]}, {case["decay"]}, '
              f'{str(case["nesterov"]).lower()},\n     {array(end, 5)}}},')
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
