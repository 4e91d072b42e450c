"""A small sweep that records every metric: two losses, two rates of noise, two depths, three seeds, and a trial that diverges."""

POPULATION = """
name: population
data: {source: glyphs, train_size: 120, test_size: 80, label_noise: {kind: symmetric, rate: 0}}
model: {kind: mlp, hidden: [16]}
train: {epochs: 12, batch_size: 20, loss: cross_entropy, learning_rate: 0.1, optimizer: {kind: sgd, momentum: 0.5},
        reduction: {by: random, keep: 0.5, every: 3}}
grid:
  - seed: 0..2
    train.loss: [cross_entropy, mse]
    data.label_noise.rate: [0, 0.3]
    model.hidden: [[16], [16, 16]]
    train.learning_rate: [0.1]
  - {seed: [0], train.loss: [mse_logits], data.label_noise.rate: [0], model.hidden: [[16]], train.learning_rate: [1e6]}
metrics:
  margins: {at: [init, separated, end], every: 6, normalise: [all]}
  stiffness: {at: [init, end], loss: [1.0, 0.2], loss_every: 2, samples: 40, pairs: [train, held_out], gram: true}
  interpolation: {points: 9, modes: [linear, homogeneous, layers]}
  sample_loss: {at: [init], every: 1, parts: [test, train]}
  memorization: {at: [end], every: 4}
  weights: {at: [init, end]}
  curvature: {at: [init, end], samples: 30, probes: 2, iterations: 20}
  gradients: {at: [init, end], samples: 30}
  reduction: {}
pairs: [{across: seed}]
comparison: {points: 5, shares: [0.05, 0.2]}
"""
