"""The tiny network that make_training_golden.py and make_optimizer_golden.py train: its data, weights, loop and C text."""
import torch
import torch.nn.functional as F

SAMPLES, FEATURES, HIDDEN, CLASSES, STEPS = 12, 6, (5, 4), 3, 50


def draw(seed):
    """-> inputs, labels, and the weights and biases of all layers, in float32."""
    torch.manual_seed(seed)
    x = torch.randn(SAMPLES, FEATURES)
    y = torch.arange(SAMPLES) % CLASSES
    widths = (FEATURES, *HIDDEN, CLASSES)
    tensors = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        tensors += [torch.randn(fan_out, fan_in) / fan_in ** 0.5, torch.randn(fan_out) * 0.1]
    return x, y, tensors


def flat(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


def train(x, tensors, activation, make_optimizer, step):
    """Full-batch steps in double from the tensors' values; step(logits, weights, optimizer) does all but the forward
    pass. -> the weights at the end, flat."""
    w = [t.double().clone().requires_grad_() for t in tensors]
    optimizer, scheduler = make_optimizer(w)
    for _ in range(STEPS):
        optimizer.zero_grad()
        h = x.double()
        for i in range(0, len(w), 2):
            h = F.linear(h, w[i], w[i + 1])
            h = activation(h) if i < len(w) - 2 else h
        step(h, w, optimizer)
        scheduler.step()
    return flat(w)


def array(numbers, indent):
    texts = [f"{float(v):.9g}" for v in numbers]
    texts = [t if any(c in t for c in ".e") else t + ".0" for t in texts]
    lines = [", ".join(t + "f" for t in texts[i:i + 8]) for i in range(0, len(texts), 8)]
    return "{" + (",\n" + " " * indent).join(lines) + "}"


def print_head(x, tensors, more=""):
    """The constants and arrays that both headers have."""
    start = flat(tensors)
    print(f"enum {{ GOLDEN_SAMPLES = {SAMPLES}, GOLDEN_FEATURES = {FEATURES}, GOLDEN_CLASSES = {CLASSES},")
    print(f"       GOLDEN_STEPS = {STEPS}, GOLDEN_PARAMETERS = {len(start)}{more} }};\n")
    print(f"static const int golden_hidden[] = {{{', '.join(map(str, HIDDEN))}}};")
    print(f"static const float golden_x[GOLDEN_SAMPLES * GOLDEN_FEATURES] =\n    {array(x.flatten(), 4)};")
    print("/* label of sample i: i mod classes */")
    print(f"static const float golden_start[GOLDEN_PARAMETERS] =\n    {array(start, 4)};\n")
