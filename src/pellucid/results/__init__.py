"""What comes out: frozen results that hold every array needed to draw, tell, judge and save them."""

from .activations import ActivationUnits as ActivationUnits
from .activations import FlowUnits as FlowUnits
from .architecture import ForwardPass as ForwardPass
from .architecture import LinearUnits as LinearUnits
from .attention import AttentionMaps as AttentionMaps
from .attribution import Attribution as Attribution
from .base import Check as Check
from .base import Explanation as Explanation
from .base import Provenance as Provenance
from .base import Quality as Quality
from .counterfactuals import Counterfactuals as Counterfactuals
from .curve import Curve as Curve
from .groups import Clusters as Clusters
from .groups import Projected as Projected
from .importance import Importance as Importance
from .interactions import Interactions as Interactions
from .maps import GradientMaps as GradientMaps
from .maps import Maps as Maps
from .optima import Optima as Optima
from .pair_attribution import PairAttribution as PairAttribution
from .sensitivity import Sensitivity as Sensitivity
from .surrogate import Rule as Rule
from .surrogate import Surrogate as Surrogate
from .units import Units as Units
from .weights import KernelUnits as KernelUnits
from .weights import WeightUnits as WeightUnits
