"""Models of sound that make a spectrogram themselves: refused with what works, or over time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
SOUND = drawn(2, 1, 512)


class Behind(nn.Module):
    """What follows a spectrogram (N, 1, frequencies, times)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps, self.head = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU()), nn.Linear(8, 5)

    def forward(self, spectra: Tensor) -> Tensor:
        return self.head(self.maps(spectra).mean((2, 3)))


def spectrogram(sound: Tensor) -> Tensor:
    window = torch.hann_window(64)
    return torch.stft(sound[:, 0], 64, 16, window=window, return_complex=True).abs()[:, None]


class Whole(Behind):
    def forward(self, sound: Tensor) -> Tensor:
        return super().forward(spectrogram(sound))


class WithAxis(nn.Module):
    """As the message says."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Whole()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images[:, 0])


def test_sound_whose_spectrogram_is_made_inside_is_refused_and_the_advice_can_be_followed() -> None:
    with pytest.raises(camkit.InputError, match=r"the sound .* images\[:, None\], inside"):
        camkit.explain(Whole().eval(), SOUND, target=2)
    with pytest.raises(camkit.NoAdapter, match=r"Explain the part of the model that follows"):
        camkit.explain(WithAxis().eval(), SOUND[:, None], target=2)
    e = camkit.explain(Behind().eval(), spectrogram(SOUND), target=2)
    assert e.layer == "maps"
    assert e.heatmap.shape == (2, *spectrogram(SOUND).shape[2:])


class OverTime(nn.Module):
    """Reads the frequencies as channels, so that each place is a time."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wave = nn.Conv1d(1, 1, 5, padding=2)
        self.times = nn.Sequential(nn.Conv1d(33, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(8, 5)

    def forward(self, sound: Tensor) -> Tensor:
        return self.head(self.times(spectrogram(self.wave(sound))[:, 0]).mean(2))


def test_times_of_a_spectrogram_are_places_of_the_sound() -> None:
    loud = 0.01 * SOUND
    loud[0, :, 100:160] *= 100
    loud[1, :, 400:460] *= 100
    e = camkit.explain(OverTime().eval(), loud, "eigencam", target=2)
    assert e.layer == "times"
    best = e.heatmap.argmax(1)
    assert 90 < best[0] < 170
    assert 390 < best[1] < 470
