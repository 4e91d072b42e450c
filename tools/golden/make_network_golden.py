#!/usr/bin/env python3
"""Makes tests/golden/networks.h: what PyTorch, in double, makes of small convolutional networks in 50 full-batch steps,
and their outputs in evaluation mode afterwards.

    make_network_golden.py > tests/golden/networks.h

Needs PyTorch. The networks are those of tests/unit/training/test_networks.c, by name. Weights are written as seedbed
keeps them: convolutions [out, kernel, kernel, in], running statistics behind all parameters.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

SAMPLES, SIDE, CHANNELS, CLASSES, STEPS, RATE, MOMENTUM, DECAY = 10, 6, 2, 3, 50, 0.02, 0.9, 0.001


class Flatten(nn.Module):
    """Pixels in reading order, the channels of a pixel side by side."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Residual(nn.Module):
    """Two convolutions and a shortcut: zeros in missing channels, or a projection. Modules in seedbed's order."""

    def __init__(self, cin, cout, stride, projects):
        super().__init__()
        if projects:
            self.skip = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))
        self.c1, self.b1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.c2, self.b2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.projects, self.stride, self.more = projects, stride, cout - cin

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        skip = self.skip(x) if self.projects else F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + skip)


class Branches(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


NETWORKS = {
    "strided": lambda: [nn.Conv2d(2, 5, 3, 2, 1), nn.GELU(), nn.Conv2d(5, 4, 2, 1, 1, bias=False), nn.Sigmoid(),
                        nn.MaxPool2d(3, 2, 1), Flatten(), nn.Linear(16, 3)],
    "pooled": lambda: [nn.Conv2d(2, 3, 5, 1, 2), nn.LeakyReLU(), nn.AvgPool2d(3, 2, 1), nn.Conv2d(3, 4, 1), nn.Tanh(),
                       nn.MaxPool2d(2), Flatten(), nn.Linear(4, 3)],
    "normalised": lambda: [nn.Conv2d(2, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), Flatten(),
                           nn.Linear(36, 5), nn.Unflatten(1, (5, 1, 1)), nn.BatchNorm2d(5), nn.Tanh(), Flatten(),
                           nn.Linear(5, 3)],
    "residual": lambda: [nn.Conv2d(2, 3, 3, 1, 1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), Residual(3, 3, 1, False),
                         Residual(3, 4, 2, False), Residual(4, 5, 2, True), nn.AdaptiveAvgPool2d(1), Flatten(),
                         nn.Linear(5, 3)],
    "branched": lambda: [Branches(nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU()),
                                  nn.Sequential(nn.Conv2d(2, 4, 3, 1, 1), nn.BatchNorm2d(4), nn.ReLU())),
                         nn.AvgPool2d(6), Flatten(), nn.Linear(7, 3)],
}


def block(model):
    """The flat block as seedbed keeps it."""
    trained = [p.permute(0, 2, 3, 1) if p.dim() == 4 else p for p in model.parameters()]
    kept = [b for b in model.buffers() if b.dim() == 1]
    return torch.cat([t.detach().flatten() for t in trained + kept])


def train(model, x, y):
    sgd = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    for _ in range(STEPS):
        sgd.zero_grad()
        F.cross_entropy(model(x), y).backward()
        sgd.step()


def array(numbers):
    texts = [f"{float(v):.9g}" for v in numbers]
    texts = [t if any(c in t for c in ".e") else t + ".0" for t in texts]
    lines = [", ".join(t + "f" for t in texts[i:i + 8]) for i in range(0, len(texts), 8)]
    return "{" + (",\n" + " " * 4).join(lines) + "}"


def main():
    torch.manual_seed(0)
    x = torch.randn(SAMPLES, CHANNELS, SIDE, SIDE).double()
    y = torch.arange(SAMPLES) % CLASSES
    print("/* clang-format off */")
    print("/* networks.h - made by tools/golden/make_network_golden.py: networks before and after 50 steps by PyTorch. */")
    print("#ifndef SEEDBED_TESTS_GOLDEN_NETWORKS_H\n#define SEEDBED_TESTS_GOLDEN_NETWORKS_H\n")
    print(f"enum {{ GOLDEN_SAMPLES = {SAMPLES}, GOLDEN_SIDE = {SIDE}, GOLDEN_CHANNELS = {CHANNELS},")
    print(f"       GOLDEN_CLASSES = {CLASSES}, GOLDEN_STEPS = {STEPS} }};\n")
    print(f"static const double golden_rate = {RATE}, golden_momentum = {MOMENTUM}, golden_decay = {DECAY};")
    print("/* [samples, height, width, channels]; label of sample i: i mod classes */")
    print(f"static const float golden_x[] =\n    {array(x.permute(0, 2, 3, 1).flatten())};\n")
    rows = []
    for name, make in NETWORKS.items():
        model = nn.Sequential(*make()).float()
        start = block(model)
        model.double()
        train(model, x, y)
        model.eval()
        print(f"static const float {name}_start[] =\n    {array(start)};")
        print(f"static const float {name}_end[] =\n    {array(block(model))};")
        print(f"static const float {name}_logits[] =\n    {array(model(x).detach().flatten())};\n")
        parameters = sum(p.numel() for p in model.parameters())
        rows.append(f'    {{"{name}", {parameters}, {len(start)}, {name}_start, {name}_end, {name}_logits}},')
    print("static const struct golden_network {\n    const char *name;\n    int parameters, numbers; /* numbers: with running "
          "statistics */\n    const float *start, *end, *logits; /* logits: in evaluation mode, at the end */")
    print("} golden_networks[] = {")
    print("\n".join(rows))
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
