"""Seeing inside the network: what it learned, what its units do, how its layers group the data."""

from .activation_clusters import ActivationClusters as ActivationClusters
from .activation_maximization import ActivationMaximization as ActivationMaximization
from .activations import Activations as Activations
from .architecture import Architecture as Architecture
from .attention import Attention as Attention
from .feature_maps import FeatureMaps as FeatureMaps
from .gradient_flow import GradientFlow as GradientFlow
from .gradients import Gradients as Gradients
from .kernels import Kernels as Kernels
from .linear_decomposition import LinearDecomposition as LinearDecomposition
from .projection import Projection as Projection
from .weights import Weights as Weights
