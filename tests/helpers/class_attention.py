"""Small vision transformers whose class token asks in layers of its own, or of another form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from timm.models.cait import Cait
from timm.models.convit import ConVit
from timm.models.crossvit import CrossVit
from timm.models.pit import PoolingVisionTransformer
from timm.models.volo import VOLO
from timm.models.xcit import Xcit
from torch import nn

from helpers.class_tokens import CLASSES, SIZE

_OURS = {"img_size": SIZE, "num_classes": CLASSES}
_SMALL = {"patch_size": 8, "embed_dim": 16, "num_heads": 2, "depth": 1}
_CROSS = {"img_scale": (1.0, 1.0), "patch_size": (8, 4), "embed_dim": (16, 32), "num_heads": (2, 2)}
_CROSS |= {"depth": ((1, 1, 0),), "mlp_ratio": (2.0, 2.0, 1.0)}
_POOLED = {"patch_size": 8, "stride": 4, "stem_type": "overlap", "base_dims": (8, 8, 8)}
_POOLED |= {"depth": (1, 1, 1), "heads": (1, 1, 2), "mlp_ratio": 2}
_VOLO = {"layers": (1, 1, 1, 1), "embed_dims": (8, 16, 16, 16), "num_heads": (2, 2, 2, 2)}

CLASS_ATTENTION: dict[str, Callable[[], nn.Module]] = {
    "CaiT": partial(Cait, **_OURS, **_SMALL, depth_token_only=2),
    "ConViT": partial(ConVit, **_OURS, **_SMALL | {"depth": 2}, local_up_to_layer=1),
    "CrossViT": partial(CrossVit, **_OURS, **_CROSS),
    "PiT": partial(PoolingVisionTransformer, **_OURS, **_POOLED),
    "VOLO": partial(VOLO, img_size=2 * SIZE, num_classes=CLASSES, **_VOLO),
    "XCiT": partial(Xcit, **_OURS, **_SMALL, cls_attn_layers=2),
}
