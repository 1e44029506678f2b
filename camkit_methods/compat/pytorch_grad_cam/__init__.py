"""pytorch-grad-cam 1.5.7 on camkit's engine: change `pytorch_grad_cam` in the imports to this.

Names, arguments and maps are that library's. Where its maps are not those of the papers, camkit's
own methods (`camkit.explain`) follow the papers.
"""

from __future__ import annotations

from .ablation_cam import AblationCAM
from .ablation_layer import AblationLayer, AblationLayerFasterRCNN, AblationLayerVit
from .activations_and_gradients import ActivationsAndGradients
from .base_cam import BaseCAM
from .eigen_cam import EigenCAM
from .eigen_grad_cam import EigenGradCAM
from .feature_factorization.deep_feature_factorization import (
    DeepFeatureFactorization,
    run_dff_on_image,
)
from .fem import FEM
from .finer_cam import FinerCAM
from .fullgrad_cam import FullGrad
from .grad_cam import GradCAM
from .grad_cam_elementwise import GradCAMElementWise
from .grad_cam_plusplus import GradCAMPlusPlus
from .guided_backprop import GuidedBackpropReLUModel
from .hirescam import HiResCAM
from .kpca_cam import KPCA_CAM
from .layer_cam import LayerCAM
from .metrics import cam_mult_image as cam_mult_image
from .metrics import road as road
from .random_cam import RandomCAM
from .refine_cam import RefineCAM
from .score_cam import ScoreCAM
from .seg_eigen_cam import SegEigenCAM
from .sess import SESS
from .shapley_cam import ShapleyCAM
from .utils import model_targets as model_targets
from .utils import reshape_transforms as reshape_transforms
from .xgrad_cam import XGradCAM

__all__ = [
    "FEM",
    "KPCA_CAM",
    "SESS",
    "AblationCAM",
    "AblationLayer",
    "AblationLayerFasterRCNN",
    "AblationLayerVit",
    "ActivationsAndGradients",
    "BaseCAM",
    "DeepFeatureFactorization",
    "EigenCAM",
    "EigenGradCAM",
    "FinerCAM",
    "FullGrad",
    "GradCAM",
    "GradCAMElementWise",
    "GradCAMPlusPlus",
    "GuidedBackpropReLUModel",
    "HiResCAM",
    "LayerCAM",
    "RandomCAM",
    "RefineCAM",
    "ScoreCAM",
    "SegEigenCAM",
    "ShapleyCAM",
    "XGradCAM",
    "run_dff_on_image",
]
