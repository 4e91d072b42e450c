"""Full-batch training from the recorded initial weights, done again in PyTorch, ends in the recorded weights."""

import h5py
import numpy as np
import pytest
from idx_files import write_idx_set
from network import axis_text, inputs, recorded_data, recorded_tensors

torch = pytest.importorskip("torch", reason="PyTorch is not installed: training is not compared with it")

STEPS = 50
RELATIVE = 1e-4

SWEEP = f"""
name: torch
data: {{source: mnist, path: set, label_noise: {{kind: symmetric, rate: 0.2}}}}
model: {{kind: mlp, hidden: [16, 10]}}
train: {{epochs: {STEPS}, batch_size: 4096, learning_rate: 0.02}}
metrics: {{weights: {{at: [init, end]}}}}
grid:
  model.activation: [relu, tanh]
  train.loss: [cross_entropy, mse, mse_logits]
  train.schedule: [constant, {{kind: step, every: 20, factor: 0.3}}, {{kind: cosine, minimum: 0.001}}]
zip:
  - train.optimizer.momentum:     [0, 0.9, 0.8, 0, 0.9]
    train.optimizer.nesterov:     [false, false, true, false, true]
    train.optimizer.weight_decay: [0, 0, 0, 0.01, 0.003]
"""


@pytest.fixture(scope="module")
def recorded(seedbed, tmp_path_factory):
    """(results file, raw training images)"""
    folder = tmp_path_factory.mktemp("torch")
    images, _ = write_idx_set(folder / "set", 96, 20)
    (folder / "torch.yaml").write_text(SWEEP)
    ended = seedbed("run", folder / "torch.yaml", "-o", folder / "torch.h5")
    assert ended.returncode == 0, ended.stderr
    with h5py.File(folder / "torch.h5", "r") as file:
        yield file, images


def build(tensors, activation):
    """A module with the recorded initial weights, in double."""
    functions = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}
    layers = []
    for name in [name[: -len(".weight")] for name in tensors if name.endswith(".weight")]:
        out, into = tensors[name + ".weight"].shape
        linear = torch.nn.Linear(into, out, dtype=torch.float64)
        linear.weight.data = torch.tensor(tensors[name + ".weight"], dtype=torch.float64)
        linear.bias.data = torch.tensor(tensors[name + ".bias"], dtype=torch.float64)
        layers += [linear, functions[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def loss_of(name, z, labels):
    """Mean over the samples."""
    if name == "cross_entropy":
        return torch.nn.functional.cross_entropy(z, labels)
    outputs = torch.softmax(z, dim=1) if name == "mse" else z
    one_hot = torch.nn.functional.one_hot(labels, z.shape[1]).to(z.dtype)
    return torch.nn.functional.mse_loss(outputs, one_hot, reduction="sum") / len(z)


def optimizer_of(file, trial, module):
    number = {name: file[f"trials/train.optimizer.{name}"][trial] for name in ("momentum", "weight_decay")}
    nesterov = axis_text(file, "train.optimizer.nesterov", trial) == "true"
    return torch.optim.SGD(module.parameters(), lr=0.02, nesterov=nesterov, **{k: float(v) for k, v in number.items()})


def scheduler_of(name, optimizer):
    if "step" in name:
        return torch.optim.lr_scheduler.StepLR(optimizer, step_size=20, gamma=0.3)
    if "cosine" in name:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS, eta_min=0.001)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


def train(file, trial, module, x, labels):
    """-> losses before each step and at the end, gradient norms and learning rates of each step"""
    optimizer = optimizer_of(file, trial, module)
    scheduler = scheduler_of(axis_text(file, "train.schedule", trial), optimizer)
    losses, norms, rates = [], [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(axis_text(file, "train.loss", trial), module(x), labels)
        loss.backward()
        losses.append(loss.item())
        norms.append(np.sqrt(sum(float((p.grad**2).sum()) for p in module.parameters())))
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    losses.append(loss_of(axis_text(file, "train.loss", trial), module(x), labels).item())
    return losses, norms, rates


def distance(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def assert_ends_alike(file, trial, module):
    start, end = recorded_tensors(file, trial, 0), recorded_tensors(file, trial, 1)
    for parameter, (name, tensor) in zip(module.parameters(), end.items()):
        expected = parameter.detach().numpy()
        assert tensor.shape == expected.shape
        assert distance(tensor, expected) <= RELATIVE, f"trial {trial}: {name} differs by {distance(tensor, expected)}"
        assert distance(start[name], expected) > 100 * RELATIVE, f"trial {trial}: {name} was hardly trained"


def test_fifty_full_batch_steps_end_in_the_weights_that_pytorch_gets(recorded):
    file, images = recorded
    assert len(file["trial"]) == 2 * 3 * 3 * 5 and np.all(file["trials/outcome"][()] == 1)
    torch.set_num_threads(1)
    for trial in range(len(file["trial"])):
        index, labels, mean, deviation = recorded_data(file, trial, "train")
        x = torch.tensor(inputs(images, index, mean, deviation))
        module = build(recorded_tensors(file, trial, 0), axis_text(file, "model.activation", trial))
        losses, norms, rates = train(file, trial, module, x, torch.tensor(labels.astype(np.int64)))
        assert_ends_alike(file, trial, module)
        np.testing.assert_allclose(file["curves/train_loss"][trial], losses, rtol=RELATIVE)
        np.testing.assert_allclose(file["curves/gradient_norm"][trial][1:], norms, rtol=RELATIVE)
        np.testing.assert_allclose(file["curves/learning_rate"][trial][1:], rates, rtol=1e-12)


def test_the_curves_of_one_step_an_epoch_count_steps(recorded):
    file, _ = recorded
    assert np.all(file["trials/steps"][()] == STEPS) and np.all(file["trials/epochs_run"][()] == STEPS)
    assert np.all(np.isnan(file["curves/gradient_norm"][:, 0]))
