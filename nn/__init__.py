"""A thin neural-network layer over autograd: scalars in, scalars out.

>>> from nn import MLP, SGD, fit
>>> model = MLP(2, [1], rng=0)  # one linear neuron: y = b + w1·x1 + w2·x2
>>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [1, 3, 0, 2]  # that is 1 - x1 + 2·x2
>>> history = fit(model, X, y, optimizer=lambda params: SGD(params, lr=0.5), tol=1e-9,
...               progress=False)
>>> round(model([10, 10]).data, 1)
11.0
"""

from .io import load, save
from .layers import MLP, Layer, Neuron, Perceptron
from .losses import (
    binary_cross_entropy,
    cross_entropy,
    half_mean_squared_error,
    hinge,
    huber,
    squared_error,
)
from .module import Module
from .optim import SGD, Adam, AdamW, Optimizer
from .training import History, fit

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Optimizer",
    "Perceptron",
    "binary_cross_entropy",
    "cross_entropy",
    "fit",
    "half_mean_squared_error",
    "hinge",
    "huber",
    "load",
    "save",
    "squared_error",
]
