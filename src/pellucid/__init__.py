"""pellucid: what a model does and why, and how far that answer can be trusted.

Public names are imported when they are first used; `import pellucid` itself loads nothing but the standard library.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "AblationCAM": "methods.gradient",
    "AccumulatedLocalEffects": "methods.effects",
    "ActivationClusters": "methods.internals",
    "Activations": "methods.internals",
    "Architecture": "methods.internals",
    "Attention": "methods.internals",
    "Attribution": "results",
    "Background": "core.masker",
    "CAM": "methods.gradient",
    "Check": "results",
    "Columns": "core.features",
    "Composite": "core.lrp",
    "Conductance": "methods.gradient",
    "Curve": "results",
    "Deconvolution": "methods.gradient",
    "DeepLift": "methods.gradient",
    "DeepShap": "methods.gradient",
    "EigenCAM": "methods.gradient",
    "EpsilonAlpha2Beta1": "core.lrp",
    "EpsilonGammaBox": "core.lrp",
    "EpsilonPlus": "core.lrp",
    "EpsilonPlusFlat": "core.lrp",
    "ExactShapley": "methods.perturbation",
    "ExpectedGradients": "methods.gradient",
    "Explanation": "results",
    "FeatureMaps": "methods.internals",
    "Fill": "core.masker",
    "GaussianShap": "methods.perturbation",
    "GradCAM": "methods.gradient",
    "GradCAMPlusPlus": "methods.gradient",
    "GradientFlow": "methods.internals",
    "Gradients": "methods.internals",
    "GuidedBackprop": "methods.gradient",
    "GuidedGradCAM": "methods.gradient",
    "HStatistic": "methods.effects",
    "HiResCAM": "methods.gradient",
    "Importance": "results",
    "InputXGradient": "methods.gradient",
    "IntegratedGradients": "methods.gradient",
    "Interactions": "results",
    "InternalInfluence": "methods.gradient",
    "KernelShap": "methods.perturbation",
    "Kernels": "methods.internals",
    "LIME": "methods.perturbation",
    "LRP": "methods.gradient",
    "LayerCAM": "methods.gradient",
    "LinearDecomposition": "methods.internals",
    "LogProb": "core.target",
    "Margin": "core.target",
    "Morris": "methods.effects",
    "Neuron": "core.target",
    "NoiseTunnel": "methods.gradient",
    "Occlusion": "methods.perturbation",
    "PairAttribution": "results",
    "PartialDependence": "methods.effects",
    "PartitionShap": "methods.perturbation",
    "PellucidError": "core.errors",
    "PellucidWarning": "core.errors",
    "PermutationImportance": "methods.effects",
    "PermutationShap": "methods.perturbation",
    "Pixels": "core.features",
    "Projection": "methods.internals",
    "Quality": "results",
    "RISE": "methods.perturbation",
    "Saliency": "methods.gradient",
    "ScoreCAM": "methods.gradient",
    "Segments": "core.masker",
    "Sobol": "methods.effects",
    "Steps": "core.features",
    "Tokens": "core.features",
    "TreeShap": "methods.trees",
    "Units": "results",
    "Weights": "methods.internals",
    "Windows": "core.masker",
    "Words": "core.texts",
    "XGradCAM": "methods.gradient",
    "explain": "explain",
    "load": "results.files",
    "methods": "methods.registry",
    "options": "core.run",
    "read_cifar10": "core.cifar",
    "wrap": "core.model",
}

if TYPE_CHECKING:
    from pellucid.core.cifar import read_cifar10
    from pellucid.core.errors import PellucidError, PellucidWarning
    from pellucid.core.features import Columns, Pixels, Steps, Tokens
    from pellucid.core.lrp import Composite, EpsilonAlpha2Beta1, EpsilonGammaBox, EpsilonPlus, EpsilonPlusFlat
    from pellucid.core.masker import Background, Fill, Segments, Windows
    from pellucid.core.model import wrap
    from pellucid.core.run import options
    from pellucid.core.target import LogProb, Margin, Neuron
    from pellucid.core.texts import Words
    from pellucid.explain import explain
    from pellucid.methods.effects import (
        AccumulatedLocalEffects,
        HStatistic,
        Morris,
        PartialDependence,
        PermutationImportance,
        Sobol,
    )
    from pellucid.methods.gradient import (
        CAM,
        LRP,
        AblationCAM,
        Conductance,
        Deconvolution,
        DeepLift,
        DeepShap,
        EigenCAM,
        ExpectedGradients,
        GradCAM,
        GradCAMPlusPlus,
        GuidedBackprop,
        GuidedGradCAM,
        HiResCAM,
        InputXGradient,
        IntegratedGradients,
        InternalInfluence,
        LayerCAM,
        NoiseTunnel,
        Saliency,
        ScoreCAM,
        XGradCAM,
    )
    from pellucid.methods.internals import (
        ActivationClusters,
        Activations,
        Architecture,
        Attention,
        FeatureMaps,
        GradientFlow,
        Gradients,
        Kernels,
        LinearDecomposition,
        Projection,
        Weights,
    )
    from pellucid.methods.perturbation import (
        LIME,
        RISE,
        ExactShapley,
        GaussianShap,
        KernelShap,
        Occlusion,
        PartitionShap,
        PermutationShap,
    )
    from pellucid.methods.registry import methods
    from pellucid.methods.trees import TreeShap
    from pellucid.results import (
        Attribution,
        Check,
        Curve,
        Explanation,
        Importance,
        Interactions,
        PairAttribution,
        Quality,
        Units,
    )
    from pellucid.results.files import load

__all__ = [  # noqa: RUF022  # in the order of _HOMES, which a test compares
    "AblationCAM",
    "AccumulatedLocalEffects",
    "ActivationClusters",
    "Activations",
    "Architecture",
    "Attention",
    "Attribution",
    "Background",
    "CAM",
    "Check",
    "Columns",
    "Composite",
    "Conductance",
    "Curve",
    "Deconvolution",
    "DeepLift",
    "DeepShap",
    "EigenCAM",
    "EpsilonAlpha2Beta1",
    "EpsilonGammaBox",
    "EpsilonPlus",
    "EpsilonPlusFlat",
    "ExactShapley",
    "ExpectedGradients",
    "Explanation",
    "FeatureMaps",
    "Fill",
    "GaussianShap",
    "GradCAM",
    "GradCAMPlusPlus",
    "GradientFlow",
    "Gradients",
    "GuidedBackprop",
    "GuidedGradCAM",
    "HStatistic",
    "HiResCAM",
    "Importance",
    "InputXGradient",
    "IntegratedGradients",
    "Interactions",
    "InternalInfluence",
    "KernelShap",
    "Kernels",
    "LIME",
    "LRP",
    "LayerCAM",
    "LinearDecomposition",
    "LogProb",
    "Margin",
    "Morris",
    "Neuron",
    "NoiseTunnel",
    "Occlusion",
    "PairAttribution",
    "PartialDependence",
    "PartitionShap",
    "PellucidError",
    "PellucidWarning",
    "PermutationImportance",
    "PermutationShap",
    "Pixels",
    "Projection",
    "Quality",
    "RISE",
    "Saliency",
    "ScoreCAM",
    "Segments",
    "Sobol",
    "Steps",
    "Tokens",
    "TreeShap",
    "Units",
    "Weights",
    "Windows",
    "Words",
    "XGradCAM",
    "explain",
    "load",
    "methods",
    "options",
    "read_cifar10",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    value = getattr(_import_module(f"pellucid.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
