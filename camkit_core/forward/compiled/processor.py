"""What the processor multiplies quickly."""

from __future__ import annotations

import torch


def note_of_processor(device: torch.device, dtype: torch.dtype | None) -> list[str]:
    """A note where less precision gains less than it may, as the CPU has no unit for it."""
    if dtype is None or device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return []
    unit = _UNITS[dtype]
    if torch.cpu.get_capabilities().get(unit):
        return []
    name = str(dtype).removeprefix("torch.")
    return [f"this processor has no {unit}, so that {name} gains less here than on one that has it"]


_UNITS = {torch.bfloat16: "amx_bf16", torch.float16: "amx_fp16"}
