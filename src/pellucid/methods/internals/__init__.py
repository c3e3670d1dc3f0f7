"""Seeing inside the network: what it learned, what its units do, how its layers group the data."""

from .activations import Activations as Activations
from .feature_maps import FeatureMaps as FeatureMaps
from .gradient_flow import GradientFlow as GradientFlow
from .gradients import Gradients as Gradients
from .kernels import Kernels as Kernels
from .weights import Weights as Weights
