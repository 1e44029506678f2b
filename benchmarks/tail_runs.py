"""Are tail runs exact, and how often are they fast? For randomly drawn layers of timm models.

python benchmarks/tail_runs.py
python benchmarks/tail_runs.py --layers 1 --models resnet18 deit_tiny_distilled_patch16_224
"""

from __future__ import annotations

import argparse
import json
import random
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from camkit_core.adapter import Adapter
from camkit_core.forward.recording import record
from camkit_core.forward.untouched import untouched
from camkit_core.probe.tail.full_runs import full_run
from camkit_core.probe.tail.proof import proven_replay, tail_outputs
from camkit_core.pytree import first_tensor

# One model of each family; (name, image size).
MODELS = {
    "beit_base_patch16_224": 224,
    "cait_xxs24_224": 224,
    "coat_tiny": 224,
    "coatnet_pico_rw_224": 224,
    "convit_tiny": 224,
    "convmixer_768_32": 64,
    "convnext_atto": 64,
    "crossvit_tiny_240": 240,
    "cspresnet50": 64,
    "darknet53": 64,
    "davit_tiny": 224,
    "deit3_small_patch16_224": 224,
    "deit_tiny_distilled_patch16_224": 224,
    "densenet121": 64,
    "dla34": 64,
    "dm_nfnet_f0": 64,
    "dpn48b": 64,
    "edgenext_xx_small": 64,
    "efficientformer_l1": 224,
    "efficientformerv2_s0": 224,
    "efficientnet_b0": 64,
    "efficientvit_b0": 64,
    "efficientvit_m0": 224,
    "eva02_tiny_patch14_224": 224,
    "fasternet_t0": 64,
    "fastvit_t8": 64,
    "focalnet_tiny_srf": 224,
    "gernet_s": 64,
    "ghostnet_050": 64,
    "hardcorenas_a": 64,
    "hgnet_tiny": 64,
    "hrnet_w18_small": 64,
    "inception_next_atto": 64,
    "inception_v3": 96,
    "legacy_seresnet18": 64,
    "levit_128s": 224,
    "maxvit_pico_rw_256": 256,
    "mixer_s32_224": 224,
    "mnasnet_small": 64,
    "mobilenetv3_small_050": 64,
    "mobileone_s0": 64,
    "mobilevit_xxs": 64,
    "mobilevitv2_050": 64,
    "mvitv2_tiny": 224,
    "nest_tiny": 224,
    "nextvit_small": 64,
    "pit_ti_224": 224,
    "poolformer_s12": 64,
    "pvt_v2_b0": 64,
    "regnetx_002": 64,
    "repvgg_a0": 64,
    "repvit_m0_9": 64,
    "res2net50_14w_8s": 64,
    "resnest14d": 64,
    "resnet18": 64,
    "resnet18d": 64,
    "rexnet_100": 64,
    "sequencer2d_s": 224,
    "skresnet18": 64,
    "swin_tiny_patch4_window7_224": 224,
    "swinv2_tiny_window8_256": 256,
    "tiny_vit_5m_224": 224,
    "tinynet_e": 64,
    "tnt_s_legacy_patch16_224": 224,
    "twins_svt_small": 224,
    "vgg11": 64,
    "visformer_tiny": 224,
    "vit_tiny_patch16_224": 224,
    "volo_d1_224": 224,
    "vovnet39a": 64,
    "xception41": 64,
    "xcit_nano_12_p16_224": 224,
}


@torch.no_grad()
def wake(model: nn.Module) -> None:
    """Draw weights for branches and heads that start at zero: behind zeros no error would show."""
    for name, parameter in model.named_parameters():
        if parameter.abs().max() < 1e-3 and not name.endswith("bias"):
            nn.init.normal_(parameter, 1.0 if parameter.ndim == 1 else 0.0, 0.05)


def layers_that_run_once(model: nn.Module, images: torch.Tensor) -> list[str]:
    """Names of the inner layers that run once and return a floating-point tensor."""
    runs: dict[str, int] = {}

    def note(name: str):
        def hook(module: nn.Module, args: object, output: object) -> None:
            if first_tensor(output) is not None:
                runs[name] = runs.get(name, 0) + 1

        return hook

    handles = [m.register_forward_hook(note(n)) for n, m in model.named_modules() if n]
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return sorted(name for name, count in runs.items() if count == 1)


def check(model: nn.Module, name: str, images: torch.Tensor) -> dict[str, Any]:
    """The difference between tail runs and full runs for three edits of one layer."""
    with untouched(model):
        recording = record(model, images, Adapter(model.get_submodule(name)), name)
        raw = recording.raw.detach()
        keep = (torch.rand(3, *raw.shape) > 0.5).to(raw)
        edits = raw * keep
        fast = proven_replay(recording) is not None
        tail = first_tensor(tail_outputs(recording, edits))
        full = first_tensor(full_run(recording, edits))
        change = (full - first_tensor(recording.output)).abs().max()
    error = float((tail - full).abs().max() / full.abs().max().clamp(min=1e-12))
    return {"layer": name, "fast": fast, "error": error, "change": float(change)}


def rows(
    models: Iterable[str], layers: int, seed: int, device: str, tf32: bool = False
) -> Iterator[dict[str, Any]]:
    """A row for each of some layers drawn from each model.

    Args:
        models: names; models that the installed timm does not have are left out.
        layers: how many of each model.
        seed: of the weights, the images and the draw.
        device: "cpu" or "cuda".
        tf32: whether a GPU may round as coarsely as it does by default.
    """
    torch.backends.cudnn.allow_tf32 = tf32
    for name in models:
        torch.manual_seed(seed)
        size = MODELS.get(name, 224)
        try:
            model = timm.create_model(name, num_classes=10).eval().to(device)
        except RuntimeError as error:
            print(f"{name}: not in this timm ({error})")
            continue
        wake(model)
        images = torch.randn(2, 3, size, size).to(device)
        candidates = layers_that_run_once(model, images)
        count = min(layers, len(candidates))
        for layer in random.Random(f"{seed}{name}").sample(candidates, count):
            start = time.perf_counter()
            row = {"model": name, **check(model, layer, images)}
            row["exact"] = row["error"] <= (1e-2 if tf32 else 1e-4)
            yield row | {"seconds": round(time.perf_counter() - start, 3)}


def summary(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many layers and models there are, and how many layers are exact, and fast."""
    return {
        "layers": len(rows),
        "models": len({row["model"] for row in rows}),
        "exact": sum(row["exact"] for row in rows),
        "fast": sum(row["fast"] for row in rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=5, help="layers drawn from each model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="only these models")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--tf32", action="store_true", help="let a GPU round as coarsely as it does by default"
    )
    parser.add_argument("--output", type=Path, help="write the rows as JSON")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    measured = []
    for row in rows(args.models, args.layers, args.seed, args.device, args.tf32):
        measured.append(row)
        mark = ("" if row["fast"] else " FULL RUN") + ("" if row["exact"] else " WRONG")
        errors = f"error {row['error']:.1e} change {row['change']:.1e}"
        print(f"{row['model']:34s} {row['layer']:40s} {errors}{mark}")
    counts = summary(measured)
    print("{layers} layers of {models} models: {exact} exact, {fast} fast".format(**counts))
    if args.output:
        args.output.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
