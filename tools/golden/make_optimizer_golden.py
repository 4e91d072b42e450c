#!/usr/bin/env python3
"""Makes tests/golden/optimizers.h: where PyTorch's optimizers, in double, take a tiny network in 50 full-batch steps.

    make_optimizer_golden.py | clang-format > tests/golden/optimizers.h

Needs PyTorch. Each case is spelled as the test reads it: optimizer and settings, norm to clip at, schedule and settings,
epochs of warm-up.
"""
import torch
import torch.nn.functional as F

import tiny_network
from tiny_network import STEPS, array

RATES = {"sgd": 0.05, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.005}
CLASSES_OF = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW,
              "rmsprop": torch.optim.RMSprop}
CASES = [
    # optimizer and settings, clip_norm; then, where it is not constant, schedule and settings, warm-up
    ("sgd momentum=0 weight_decay=0.1 decay=weights", 0),
    ("sgd momentum=0.9 dampening=0.3", 0),
    ("sgd momentum=0 dampening=0.3", 0),
    ("sgd momentum=0.8 dampening=1 weight_decay=0.1", 0),
    ("sgd momentum=0.9 nesterov=true weight_decay=0.05 decay=weights", 0),
    ("sgd momentum=0.9", 0.2),
    ("sgd momentum=0 weight_decay=0.1", 0.1),
    ("sgd momentum=0.5", 1000),
    ("adam", 0),
    ("adam beta1=0.5 beta2=0.9", 0),
    ("adam beta1=0 beta2=0.5 epsilon=0.01", 0),
    ("adam weight_decay=0.1", 0),
    ("adam weight_decay=0.1 decay=weights", 0),
    ("adam epsilon=0.1", 0.05),
    ("adamw", 0),
    ("adamw weight_decay=0", 0),
    ("adamw weight_decay=0.5", 0),
    ("adamw weight_decay=0.5 decay=weights beta2=0.99", 0),
    ("rmsprop", 0),
    ("rmsprop alpha=0.9 epsilon=0.001", 0),
    ("rmsprop weight_decay=0.1", 0),
    ("rmsprop weight_decay=0.1 decay=weights", 0),
    ("rmsprop momentum=0.5", 0),
    ("rmsprop centered=true", 0),
    ("rmsprop momentum=0.5 centered=true alpha=0.8 weight_decay=0.01", 0),
    ("rmsprop epsilon=0.01", 0.05),
    ("sgd momentum=0.5", 0, "multistep epochs=[10,30,31] factor=0.5", 0),
    ("sgd", 0, "exponential factor=0.9", 0),
    ("adam", 0, "exponential", 0),
    ("sgd", 0, "constant", 10),
    ("adam", 0, "step every=20 factor=0.5", 7),
    ("sgd momentum=0.5", 0, "multistep epochs=[5,20]", 8),
    ("sgd weight_decay=0.1", 0, "cosine", 12),
]


def settings_of(words):
    settings = dict(word.split("=") for word in words)
    decay = settings.pop("decay", "all")
    settings = {key: value == "true" if value in ("true", "false") else float(value) for key, value in settings.items()}
    if "epsilon" in settings:
        settings["eps"] = settings.pop("epsilon")
    return settings, decay


def optimizer_of(spelled, tensors):
    name, *words = spelled.split()
    settings, decay = settings_of(words)
    default = {"sgd": {"momentum": 0.9}, "adam": {}, "adamw": {}, "rmsprop": {}}[name]
    settings = {**default, **settings}
    if "beta1" in settings or "beta2" in settings:
        settings["betas"] = (settings.pop("beta1", 0.9), settings.pop("beta2", 0.999))
    groups = [{"params": tensors}]
    if decay == "weights":
        groups = [{"params": tensors[0::2]}, {"params": tensors[1::2], "weight_decay": 0.0}]
    return CLASSES_OF[name](groups, lr=RATES[name], **settings)


def scheduler_of(spelled, warmup, optimizer):
    """An epoch is one step. Warm-up multiplies what the schedule says."""
    name, *words = spelled.split()
    settings = dict(word.split("=") for word in words)
    factor = float(settings.get("factor", {"exponential": 0.95}.get(name, 0.1)))
    schedules = torch.optim.lr_scheduler
    if name == "step":
        schedule = schedules.StepLR(optimizer, int(settings["every"]), factor)
    elif name == "multistep":
        schedule = schedules.MultiStepLR(optimizer, [int(e) for e in settings["epochs"][1:-1].split(",")], factor)
    elif name == "exponential":
        schedule = schedules.ExponentialLR(optimizer, factor)
    elif name == "cosine":
        schedule = schedules.CosineAnnealingLR(optimizer, STEPS)
    else:
        schedule = schedules.ConstantLR(optimizer, factor=1.0)
    if warmup == 0:
        return schedule
    linear = schedules.LinearLR(optimizer, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1)
    return schedules.ChainedScheduler([schedule, linear])


def train(x, y, tensors, case):
    spelled, clip_norm, schedule, warmup = case

    def make_optimizer(w):
        optimizer = optimizer_of(spelled, w)
        return optimizer, scheduler_of(schedule, warmup, optimizer)

    def step(logits, w, optimizer):
        F.cross_entropy(logits, y).backward()
        if clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(w, clip_norm)
        optimizer.step()

    return tiny_network.train(x, tensors, torch.tanh, make_optimizer, step)


def main():
    x, y, tensors = tiny_network.draw(1)
    print("/* optimizers.h - made by tools/golden/make_optimizer_golden.py: weights before and after 50 steps by PyTorch. */")
    print("#ifndef SEEDBED_TESTS_GOLDEN_OPTIMIZERS_H\n#define SEEDBED_TESTS_GOLDEN_OPTIMIZERS_H\n")
    tiny_network.print_head(x, tensors)
    print("static const struct golden_case {\n    const char *optimizer, *schedule;")
    print("    double learning_rate, clip_norm, warmup;\n    float end[GOLDEN_PARAMETERS];\n} golden_cases[] = {")
    for case in CASES:
        case = (*case, "constant", 0)[:4]
        rate = RATES[case[0].split()[0]]
        print(f'    {{"{case[0]}", "{case[2]}", {rate}, {case[1]}, {case[3]},\n     {array(train(x, y, tensors, case), 5)}}},')
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
