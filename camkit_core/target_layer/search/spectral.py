"""Tensors whose positions are frequencies, between a Fourier transform and its inverse."""

from __future__ import annotations

from .flow import Flow, name_of


def frequencies(flow: Flow) -> set[int]:
    """The slots that a Fourier transform made, and what is made of them up to its inverse."""
    found: set[int] = set()
    for call, reads in zip(flow.calls, flow.reads, strict=True):
        name = name_of(call)
        back = name.startswith(("fft_ifft", "fft_irfft", "istft"))
        if not back and (name.startswith(("fft_", "stft")) or not found.isdisjoint(reads)):
            found.update(call.results)
    return found
