"""Seeing inside the network: what it learned, what its units do, how its layers group the data."""

from .kernels import Kernels as Kernels
from .weights import Weights as Weights
