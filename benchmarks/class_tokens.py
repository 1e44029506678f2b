"""What GradCAM and AblationCAM of vision transformers cost, in bare forward passes.

python benchmarks/class_tokens.py --output docs/results/transformers.md
python benchmarks/class_tokens.py --models "DeiT-tiny" "ViT-B/16, torchvision" --rounds 15

Networks at full width and depth, random weights, one image, one thread, CPU time. What starts at
zero, as torchvision's heads and some layer scales, is drawn, too: a head of zeros would be quick.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
import transformers
from run import machine
from torch import nn

import camkit_core as camkit

METHODS = ("gradcam", "ablationcam")
SLOW = 8  # forward passes from which on a method is timed three times alone

Build = Callable[[], nn.Module]


def of_timm(name: str, **settings: Any) -> Build:
    return partial(timm.create_model, name, num_classes=1000, **settings)


def of_torchvision(name: str) -> Build:
    return partial(torchvision.models.get_model, name, weights=None)


def of_transformers(kind: str, **settings: Any) -> Build:
    def build() -> nn.Module:
        config = getattr(transformers, f"{kind}Config")(num_labels=1000, **settings)
        return getattr(transformers, f"{kind}ForImageClassification")(config)

    return build


SMALL = {"hidden_size": 384, "num_attention_heads": 6, "image_size": 224, "patch_size": 14}
READ_BY_A_CLASS_TOKEN: dict[str, Build] = {
    "DeiT-tiny": of_timm("deit_tiny_patch16_224"),
    "DeiT-tiny, distilled": of_timm("deit_tiny_distilled_patch16_224"),
    "ViT-S/16": of_timm("vit_small_patch16_224"),
    "ViT-B/16": of_timm("vit_base_patch16_224"),
    "ViT-B/16, torchvision": of_torchvision("vit_b_16"),
    "ViT-B/32, torchvision": of_torchvision("vit_b_32"),
    "ViT-B/16, Hugging Face": of_transformers("ViT"),
    "DeiT-B/16, Hugging Face": of_transformers("DeiT"),
    "ViT-MSN-B/16, Hugging Face": of_transformers("ViTMSN"),
    "DeiT3-S/16": of_timm("deit3_small_patch16_224"),
    "DINOv2-S/14, registers": of_timm("vit_small_patch14_reg4_dinov2", img_size=224),
    "EVA02-tiny, class token": of_timm("eva02_tiny_patch14_224", global_pool="token"),
    "ConViT-tiny": of_timm("convit_tiny"),
    "PiT-tiny": of_timm("pit_ti_224"),
    "TNT-S": of_timm("tnt_s_legacy_patch16_224"),
    "CaiT-XXS24": of_timm("cait_xxs24_224"),
    "XCiT-tiny": of_timm("xcit_tiny_12_p16_224"),
    "CrossViT-tiny": of_timm("crossvit_tiny_240"),
    "CoaT-tiny": of_timm("coat_tiny"),
    "VOLO-D1": of_timm("volo_d1_224"),
}
AFFINE_BEHIND_THE_LAYER: dict[str, Build] = {
    "Swin-T": of_timm("swin_tiny_patch4_window7_224"),
    "SwinV2-T, torchvision": of_torchvision("swin_v2_t"),
    "Swin-T, Hugging Face": of_transformers("Swin"),
    "PVTv2-B1": of_timm("pvt_v2_b1"),
    "MViTv2-tiny": of_timm("mvitv2_tiny"),
    "Twins-SVT-S": of_timm("twins_svt_small"),
    "MaxViT-tiny": of_timm("maxvit_tiny_tf_224"),
    "Hiera-tiny": of_timm("hiera_tiny_224"),
    "MLP-Mixer-S/32": of_timm("mixer_s32_224"),
}
AVERAGED: dict[str, Build] = {
    "EVA02-tiny": of_timm("eva02_tiny_patch14_224"),
    "ViT-S/16, averaged": of_timm("vit_small_patch16_224", global_pool="avg"),
    "DINOv2-S/14, Hugging Face": of_transformers("Dinov2", **SMALL),
    "BEiT-B/16": of_timm("beit_base_patch16_224"),
    "BEiT-B/16, Hugging Face": of_transformers("Beit"),
    "data2vec-B/16, Hugging Face": of_transformers("Data2VecVision"),
    "SigLIP-B/16": of_timm("vit_base_patch16_siglip_224"),
}
GROUPS = {
    "A class token is read": READ_BY_A_CLASS_TOKEN,
    "What follows the layer is affine, or small": AFFINE_BEHIND_THE_LAYER,
    "All patches are read": AVERAGED,
}
MODELS = {name: build for group in GROUPS.values() for name, build in group.items()}
HEAD = """
| model | forward pass, ms | GradCAM | its first call | AblationCAM | its first call |
|---|---|---|---|---|---|"""


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.abs().max() < 1e-2 and not key.endswith("bias"):
                nn.init.normal_(parameter, 1.0 * (parameter.ndim == 1), 0.05)
    return model


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def row(name: str, rounds: int) -> str:
    """Medians of CPU time, of calls in turns; the first calls, with their proofs, apart."""
    size = {"CrossViT-tiny": 240, "SwinV2-T, torchvision": 256}.get(name, 224)
    model, images = network(name), torch.randn(1, 3, size, size)

    @torch.no_grad()
    def forward() -> None:
        model(images)

    calls: dict[str, Callable[[], object]] = {"forward": forward}
    for method in METHODS:
        calls[method] = partial(camkit.explain, model, images, method, 1)
    forward()
    first = {label: seconds(call) for label, call in calls.items()}
    times: dict[str, list[float]] = {label: [] for label in calls}
    for turn in range(rounds):
        for label, call in calls.items():
            if turn < 3 or first[label] < SLOW * first["forward"]:
                times[label].append(seconds(call))
    median = {label: sorted(each)[len(each) // 2] for label, each in times.items()}
    bare = median["forward"]
    cells = [f"{median[label] / bare:.2f} | {first[label] / bare:.1f}" for label in METHODS]
    return f"| {name} | {1000 * bare:.0f} | {' | '.join(cells)} |"


def introduction(rounds: int) -> str:
    return (
        f"# Vision transformers\n\nMade by `python benchmarks/class_tokens.py` (cpu "
        f"{machine()['cpu']}, threads 1, torch {torch.__version__}, timm {timm.__version__}, "
        f"transformers {transformers.__version__}). Times are in bare forward passes of the same "
        f"model: medians of {rounds} calls in turns, of CPU time. One image, float32, the true "
        f"width and depth, random weights, at the layer that camkit chooses. The first call of a "
        f"model proves its quick ways, and is given apart.\n\nWhere [a class token is read]"
        f"(../design.md#the-tape), AblationCAM computes one token's row for each channel. Where "
        f"all patches are read, two linear layers of the last block run for each token and "
        f"channel: with C channels and L blocks that is at least 5 C / (12 L) forward passes, and "
        f"8 passes are out of reach from 230 channels of 12 blocks on. Behind a class token the "
        f"gradient takes two products a head, where keys are neither rotated nor normed, so what "
        f"GradCAM takes beyond 1 is the time of the calls themselves, in Python and in torch, and "
        f"not their arithmetic."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lines = [introduction(given.rounds)]
    for title, group in GROUPS.items():
        chosen = [name for name in given.models if name in group]
        lines += [f"\n## {title}", HEAD] if chosen else []
        for name in chosen:
            lines.append(row(name, given.rounds))
            print(lines[-1], flush=True)
    if given.output:
        given.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
