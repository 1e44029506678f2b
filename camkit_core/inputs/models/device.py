"""The device that a model is put on."""

from __future__ import annotations

from textwrap import shorten

import torch

from ...errors import ArgumentError, ArgumentTypeError, shown

_EXPECTED = "expected cpu, cuda, cuda:1, mps, ..."


def device_named(device: str | torch.device | int | None) -> torch.device:
    """The device of this name, after a trial of it; None is torch's default.

    Raises:
        ArgumentError: if there is no such device here, or it holds no values.
        ArgumentTypeError: if it is neither a text nor a torch.device.
    """
    if isinstance(device, bool) or not isinstance(device, (str, torch.device, int, type(None))):
        raise ArgumentTypeError(f"expected device as a text or a torch.device, got {shown(device)}")
    try:
        found = torch.zeros(1, device=device).device
    except Exception as error:  # of many kinds: each backend has its own
        reason = shorten(str(error), 120, placeholder=" ...")
        raise ArgumentError(f"no device {_text(device)} here ({reason}); {_EXPECTED}") from error
    if found.type == "meta":
        raise ArgumentError(f"the device 'meta' holds no values to explain; {_EXPECTED}")
    return found


def _text(device: object) -> str:
    return shown(str(device))
