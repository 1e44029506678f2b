"""What camkit promises its users, this package keeps; and its maps are captum's."""

import captum.attr
import pytest
import torch

import camkit_core as camkit
from camkit_core.testing import method_checks, parametrize
from camkit_core.testing.networks import conv_net, some_images

METHODS = ["saliency", "integrated_gradients", "occlusion", "noise_tunnel"]
CHECKS = [check for name in METHODS for check in method_checks(f"camkit-captum:{name}")]


@parametrize(CHECKS)
def test_methods(check):
    check()


@pytest.mark.parametrize(
    ("method", "attribution", "options"),
    [
        ("saliency", captum.attr.Saliency, {}),
        ("integrated_gradients", captum.attr.IntegratedGradients, {"n_steps": 16}),
        (
            "occlusion",
            captum.attr.Occlusion,
            {"sliding_window_shapes": (3, 4, 4), "strides": (3, 2, 2)},
        ),
    ],
)
def test_the_map_is_captums(method, attribution, options):
    model, images = conv_net(), some_images(2)
    ours = {"integrated_gradients": {"steps": 16}, "occlusion": {"window": 4, "stride": 2}}
    found = camkit.explain(
        model, images, f"camkit-captum:{method}", 1, "layer", **ours.get(method, {})
    )
    plain = attribution(model).attribute(images.clone().requires_grad_(), target=1, **options)
    expected = plain.amax(1) if method == "saliency" else plain.sum(1)
    torch.testing.assert_close(found.cam, expected.detach(), rtol=1e-4, atol=1e-6)
