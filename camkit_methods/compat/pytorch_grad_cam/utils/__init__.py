"""Helpers under pytorch-grad-cam's names."""

from __future__ import annotations

from . import find_layers as find_layers
from . import model_targets as model_targets
from . import reshape_transforms as reshape_transforms
from .image import deprocess_image as deprocess_image
from .svd_on_activations import get_2d_projection as get_2d_projection
