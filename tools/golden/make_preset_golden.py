#!/usr/bin/env python3
"""Makes tests/golden/presets.h: what PyTorch, in double, makes of every preset of models: outputs, gradients, full-batch
steps, and outputs in evaluation mode afterwards.

    make_preset_golden.py > tests/golden/presets.h      (some minutes)

Needs PyTorch. The networks are written here from the papers, by hand; the keys are what tests/unit/training/test_presets.c
makes models of. Millions of weights are not written down: both sides fill them by the same formula (`numbers`), and of
each tensor a projection is compared: its product with numbers of that formula.
"""
import math
import multiprocessing
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from make_network_golden import Branches, Flatten, Residual, array

SAMPLES, CLASSES, RATE, MOMENTUM, DECAY = 6, 3, 0.0005, 0.9, 0.001
DISTURBANCE = 1e-6
TOLERANCES = 1e-4, 1e-4, 1e-3, 1e-4  # of outputs before, gradients, changes (a small part of the weights), outputs after


def numbers(stream, count):
    """Even in [-1, 1): a hash of stream and place, exact in double."""
    x = (np.arange(count, dtype=np.uint64) * 0x9E3779B9 + stream * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    x ^= x >> 16
    return x / 2.0**31 - 1


def convolution(into, out, kernel=3, stride=1, padding=None, normal=True, bias=True):
    layers = [nn.Conv2d(into, out, kernel, stride, kernel // 2 if padding is None else padding, bias=bias)]
    return layers + [nn.BatchNorm2d(out)] if normal else layers


def dense(*widths, activation=nn.ReLU):
    layers = [Flatten()]
    for into, out in zip(widths, widths[1:]):
        layers += [nn.Linear(into, out), activation()]
    return layers[:-1]


def cnn(channels, side, kernel=3, normal=False, pool=nn.MaxPool2d, hidden=(), activation=nn.ReLU):
    layers = []
    for into, out in zip(channels, channels[1:]):
        layers += [*convolution(into, out, kernel, normal=normal), activation()] + ([pool(2)] if pool else [])
        side = side // 2 if pool else side
    return layers + dense(channels[-1] * side**2, *hidden, CLASSES, activation=activation)


def lenet(into, padding):
    return [nn.Conv2d(into, 6, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
            nn.MaxPool2d(2), *dense(400, 120, 84, CLASSES)]


def vgg(plan, into, side, normal):
    """plan: channels, "M" for pooling."""
    layers = []
    for step in plan:
        if step == "M":
            layers += [nn.MaxPool2d(2)] if side >= 2 else []
            side //= 2
        else:
            layers += [*convolution(into, step, normal=normal), nn.ReLU()]
            into = step
    return layers + dense(into, CLASSES)


VGG11 = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


class Plain(Residual):
    """A residual block without batch normalisation: its convolutions have biases."""

    def __init__(self, into, out, stride, projects):
        super().__init__(into, out, stride, projects)
        if projects:
            self.skip = nn.Conv2d(into, out, 1, stride)
        self.c1, self.b1 = nn.Conv2d(into, out, 3, stride, 1), nn.Identity()
        self.c2, self.b2 = nn.Conv2d(out, out, 3, 1, 1), nn.Identity()


def resnet(into, depth, projects, normal):
    layers = [*convolution(into, 16, normal=normal, bias=not normal), nn.ReLU()]
    block, before = Residual if normal else Plain, 16
    for channels in (16, 32, 64):
        for i in range((depth - 2) // 6):
            changes = before != channels
            layers.append(block(before, channels, 2 if changes else 1, projects and changes))
            before = channels
    return layers + [nn.AdaptiveAvgPool2d(1), *dense(64, CLASSES)]


def resnet18(into):
    layers = [*convolution(into, 64, 7, 2, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = 64
    for channels in (64, 128, 256, 512):
        changes = before != channels
        layers += [Residual(before, channels, 2 if changes else 1, changes), Residual(channels, channels, 1, False)]
        before = channels
    return layers + [nn.AdaptiveAvgPool2d(1), *dense(512, CLASSES)]


def inception(into, normal):
    def inner(into, out, kernel, stride=1, padding=None):
        return nn.Sequential(*convolution(into, out, kernel, stride, padding, normal), nn.ReLU())

    def mixed(into, p, q):
        return Branches(inner(into, p, 1), inner(into, q, 3))

    def down(into, p):
        return Branches(inner(into, p, 3, 2, 0), nn.MaxPool2d(3, 2))

    return [inner(into, 96, 3, 1, 0), mixed(96, 32, 32), mixed(64, 32, 48), down(80, 80), mixed(160, 112, 48),
            mixed(160, 96, 64), mixed(160, 80, 80), mixed(160, 48, 96), down(144, 96), mixed(240, 176, 160),
            mixed(336, 176, 160), nn.AvgPool2d(7, 1, 1), *dense(336, CLASSES)]


# As the test spells it: (side, channels, steps, layers). Those of millions of weights take fewer steps.
PRESETS = {
    "mlp hidden=[20,10]": (5, 2, 50, lambda: dense(50, 20, 10, CLASSES)),
    "mlp hidden=[] activation=tanh": (5, 2, 50, lambda: dense(50, CLASSES)),
    "cnn": (12, 3, 50, lambda: cnn((3, 16, 32), 12)),
    "cnn batch_norm=true hidden=[9]": (12, 3, 50, lambda: cnn((3, 16, 32), 12, normal=True, hidden=(9,))),
    "cnn channels=[5,6] kernel=5 pooling=average activation=tanh":
        (12, 3, 50, lambda: cnn((3, 5, 6), 12, 5, pool=nn.AvgPool2d, activation=nn.Tanh)),
    "cnn channels=[5,6] pooling=none": (7, 3, 50, lambda: cnn((3, 5, 6), 7, pool=None)),
    "cnn channels=[16,32,32]": (16, 3, 50, lambda: cnn((3, 16, 32, 32), 16)),
    "cnn channels=[32,64,128,256]": (16, 3, 50, lambda: cnn((3, 32, 64, 128, 256), 16)),
    "lenet": (28, 1, 50, lambda: lenet(1, 2)),
    "lenet activation=relu": (32, 3, 50, lambda: lenet(3, 0)),
    "vgg": (16, 3, 4, lambda: vgg(VGG11, 3, 16, True)),
    "vgg batch_norm=false": (8, 3, 4, lambda: vgg(VGG11, 3, 8, False)),
    "vgg layout=vgg16 batch_norm=false": (8, 3, 4, lambda: vgg(VGG16, 3, 8, False)),
    "resnet depth=8": (12, 3, 50, lambda: resnet(3, 8, False, True)),
    "resnet depth=8 batch_norm=false": (8, 3, 50, lambda: resnet(3, 8, False, False)),
    "resnet depth=8 shortcut=projection": (8, 3, 50, lambda: resnet(3, 8, True, True)),
    "resnet depth=8 shortcut=projection batch_norm=false": (8, 3, 50, lambda: resnet(3, 8, True, False)),
    "resnet18_mnist": (48, 1, 4, lambda: resnet18(1)),
    "inception_lite": (28, 3, 4, lambda: inception(3, True)),
    "inception_lite batch_norm=false": (28, 3, 4, lambda: inception(3, False)),
}


def as_kept(tensor):
    """In seedbed's order: convolutions [out, kernel, kernel, in]."""
    return (tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor).detach().flatten().numpy()


def fill(model, stream):
    """Weights up to sqrt(6 / fan in), or half of that without batch normalisation, biases and shifts around 1 or -1,
    scales around 1; rounded to float32. So fewer inputs of a relu come near its kink, where another rounding would go
    another way."""
    scales = {id(module.weight) for module in model.modules() if isinstance(module, nn.BatchNorm2d)}
    gain = 1.0 if scales else 0.5
    for t, parameter in enumerate(model.parameters()):
        drawn = numbers(stream + t + 1, parameter.numel())
        if parameter.dim() > 1:
            drawn = drawn * (gain * math.sqrt(6.0 / parameter[0].numel()))
        elif id(parameter) in scales:
            drawn = 1.0 + 0.1 * drawn
        else:
            drawn = np.where(drawn < 0, -1.0, 1.0) + 0.8 * (drawn - np.where(drawn < 0, -0.5, 0.5))
        values = torch.tensor(drawn.astype(np.float32))
        if parameter.dim() == 4:
            out, into, height, width = parameter.shape
            values = values.reshape(out, height, width, into).permute(0, 3, 1, 2)
        parameter.data = values.reshape(parameter.shape).double()


def projections(tensors):
    return [values @ numbers(t + 1, len(values)) for t, values in enumerate(tensors)]


def run(layers, side, channels, steps, stream, disturbance):
    """-> outputs in evaluation mode, each tensor's gradient and what the steps change of it, outputs again. Inputs and
    weights are first changed by that share of themselves."""
    torch.manual_seed(0)
    model = nn.Sequential(*layers()).double()
    fill(model, stream)
    values = numbers(stream, SAMPLES * side * side * channels).astype(np.float32)
    x = torch.tensor(values).double().reshape(SAMPLES, side, side, channels).permute(0, 3, 1, 2)
    y = torch.arange(SAMPLES) % CLASSES
    for tensor in (x, *(parameter.data for parameter in model.parameters())):
        tensor *= 1 + disturbance * torch.randn_like(tensor)
    kept = [*model.parameters(), *(buffer for buffer in model.buffers() if buffer.dim() == 1)]
    start = [as_kept(tensor).copy() for tensor in kept]
    first = model.eval()(x).detach().flatten()
    model.train()
    sgd = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    for step in range(steps):
        sgd.zero_grad()
        F.cross_entropy(model(x), y).backward()
        if step == 0:
            gradients = [as_kept(parameter.grad).copy() for parameter in model.parameters()]
        sgd.step()
    changes = [as_kept(tensor) - before for tensor, before in zip(kept, start)]
    return [first.numpy()], gradients, changes, [model.eval()(x).detach().flatten().numpy()]


def distance(tensors, others):
    largest = max(np.linalg.norm(tensor) for tensor in tensors)
    return max(np.linalg.norm(a - b) / (np.linalg.norm(a) + 1e-3 * largest) for a, b in zip(tensors, others))


def run_well_posed(name):
    """-> stream, and `run` by the first stream whose results a float32 network can have: disturbed by its rounding,
    they stay within half of what the test lets pass."""
    torch.set_num_threads(1)
    side, channels, steps, layers = PRESETS[name]
    for stream in range(0, 50000, 10000):
        found, disturbed = (run(layers, side, channels, steps, stream, by) for by in (0, DISTURBANCE))
        away = [distance(a, b) for a, b in zip(found, disturbed)]
        print(f"{name}, stream {stream}: {' '.join(f'{d:.1e}' for d in away)}", file=sys.stderr, flush=True)
        if all(d < most / 2 for d, most in zip(away, TOLERANCES)):
            return stream, (found[0][0], projections(found[1]), projections(found[2]), found[3][0], sum(map(len, found[1])))
    sys.exit(f"{name}: every stream meets kinks")


def main():
    print("/* clang-format off */")
    print("/* presets.h - made by tools/golden/make_preset_golden.py: every preset, before and after steps by PyTorch. */")
    print("#ifndef SEEDBED_TESTS_GOLDEN_PRESETS_H\n#define SEEDBED_TESTS_GOLDEN_PRESETS_H\n\n#include <stdint.h>\n")
    print(f"enum {{ GOLDEN_SAMPLES = {SAMPLES}, GOLDEN_CLASSES = {CLASSES} }};\n")
    print(f"static const double golden_rate = {RATE}, golden_momentum = {MOMENTUM}, golden_decay = {DECAY};")
    names = ("first", "gradients", "changes", "last")
    print(f"static const double {', '.join(f'tolerance_of_{name} = {t}' for name, t in zip(names, TOLERANCES))};\n")
    rows = []
    with multiprocessing.Pool() as pool:
        results = pool.map(run_well_posed, PRESETS, chunksize=1)
    for i, (spelled, (stream, found)) in enumerate(zip(PRESETS, results)):
        side, channels, steps, _ = PRESETS[spelled]
        for name, values in zip(names, found):
            print(f"static const float {name}_{i}[] =\n    {array(values)};")
        rows.append(f'    {{"{spelled}", {stream}, {side}, {channels}, {steps}, {found[4]}, {len(found[1])}, {len(found[2])}, ' +
                    ", ".join(f"{name}_{i}" for name in names) + "},")
    print("\nstatic const struct golden_preset {\n    const char *model; /* label of sample i: i mod classes */")
    print("    uint32_t stream;   /* of the inputs; tensor t has stream + t + 1 */\n    int side, channels, steps, parameters;")
    print("    int tensors, kept; /* of parameters, and with running statistics */")
    print("    const float *first;     /* outputs in evaluation mode, before */")
    print("    const float *gradients; /* [tensors] projections, before the first step */")
    print("    const float *changes;   /* [kept] projections of what the steps changed */")
    print("    const float *last;      /* outputs in evaluation mode, after */\n} golden_presets[] = {")
    print("\n".join(rows))
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
