"""The analyses, each a module with NAME, READ, add_options and run (see CONTRIBUTING.md), in the order in which they are offered."""

from . import (compare, consistency, curvature, gradients, interpolation, margins, memorization, pairs, reduction, sample_loss, stiffness,
               variance, weights)

ANALYSES = (consistency, margins, reduction, stiffness, gradients, curvature, interpolation, weights, sample_loss, memorization,
            variance, pairs, compare)


def question(module):
    """What an analysis asks: the first line of its docstring."""
    return module.__doc__.splitlines()[0]
