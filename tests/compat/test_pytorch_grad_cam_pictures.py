"""Pictures, as pytorch-grad-cam's users pass them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_grad_cam.utils.image as peer
import torch

from camkit_methods.compat.pytorch_grad_cam.utils import image as compat

PICTURE = np.random.default_rng(0).random((6, 7, 3)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_a_picture_keeps_its_floating_dtype(dtype: Any) -> None:
    picture = (PICTURE * (255 if dtype is np.uint8 else 1)).astype(dtype)
    ours, theirs = compat.preprocess_image(picture), peer.preprocess_image(picture)
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, atol=3e-3 if dtype is np.float16 else 1e-6, rtol=0)


def test_a_heatmap_may_have_an_axis_of_one_channel() -> None:
    mask = PICTURE[..., :1]
    ours, theirs = (each.show_cam_on_image(PICTURE, mask) for each in (compat, peer))
    np.testing.assert_array_equal(ours, theirs)


def test_a_tensor_is_shown_as_the_array_it_holds() -> None:
    shown = compat.deprocess_image(torch.from_numpy(PICTURE).requires_grad_())
    np.testing.assert_array_equal(shown, peer.deprocess_image(PICTURE))
