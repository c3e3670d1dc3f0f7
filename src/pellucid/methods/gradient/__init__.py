"""Methods that attribute through the gradient."""

from .grad_cam import GradCAM as GradCAM
from .input_x_gradient import InputXGradient as InputXGradient
from .integrated_gradients import IntegratedGradients as IntegratedGradients
from .noise_tunnel import NoiseTunnel as NoiseTunnel
from .saliency import Saliency as Saliency
