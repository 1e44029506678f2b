"""Maps that are logged while a model is trained change nothing of the training."""

from __future__ import annotations

import random
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import camkit_core as camkit


def network() -> nn.Module:
    """With batch norm and dropout, which a careless run would change."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip


IMAGES = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(5))


def trained(log) -> tuple[list[torch.Tensor], list[float]]:
    """Weights, buffers and gradients after three steps, and numbers drawn after each of them."""
    model, drawn = network(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    random.seed(1)
    np.random.seed(1)
    for step in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.rand(6, 3, 24, 24)), torch.arange(6) % 4).backward()
        log(model, step)
        assert model.training
        optimizer.step()
        drawn += [random.random(), np.random.rand(), torch.rand(()).item()]
    state = [*model.state_dict().values(), *(each.grad for each in model.parameters())]
    return state, drawn


class Writer:
    """Stands in for a SummaryWriter."""

    def __init__(self) -> None:
        self.images: list[tuple] = []

    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW"):
        random.random()
        torch.rand(3)
        self.images.append((tag, img_tensor, global_step, dataformats))


def test_a_training_with_maps_is_the_same_training_to_the_last_bit():
    writer = Writer()
    maps = camkit.MapLogger(IMAGES, writer, target=[1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with_maps = trained(maps.log)
    without = trained(lambda model, step: None)
    assert all(map(torch.equal, with_maps[0], without[0]))
    assert with_maps[1] == without[1]
    assert [(tag, step) for tag, _, step, _ in writer.images] == [
        (f"camkit/{image}", step) for step in range(3) for image in range(2)
    ]
    _, picture, _, form = writer.images[0]
    assert (picture.dtype, picture.shape[2], form) == (np.uint8, 3, "HWC")


def test_what_goes_wrong_is_said_once_and_the_training_goes_on():
    class Full(Writer):
        def add_image(self, *given, **named):
            raise OSError("the disk is full")

    maps = camkit.MapLogger(IMAGES, Full(), target=1)
    with pytest.warns(camkit.CamkitWarning) as said:
        trained(maps.log)
    assert ["disk is full" in str(each.message) for each in said].count(True) == 1


def test_a_note_is_said_once():
    maps = camkit.MapLogger(IMAGES, Writer(), "eigencam")
    with pytest.warns(camkit.CamkitWarning) as said:
        trained(maps.log)
    texts = [str(each.message) for each in said]
    assert len(texts) == len(set(texts))
    assert any("Eigen-CAM" in text for text in texts)


def test_each_logger_is_called_by_its_own_api(monkeypatch):
    calls: list[tuple] = []
    wandb = types.ModuleType("wandb")
    wandb.Image = lambda picture, caption: ("image", picture.shape[2], caption)
    monkeypatch.setitem(sys.modules, "wandb", wandb)

    class Run:
        def log(self, data, step=None):
            calls.append(("wandb", data["camkit/0"][:2], data["camkit/step"], step))

    Run.__module__ = "wandb.sdk.wandb_run"

    class Mlflow:
        def log_image(self, image, key=None, step=None):
            calls.append(("mlflow", key, step))

    class Client:
        def log_image(self, run_id, image, key=None, step=None):
            calls.append(("client", run_id, key, step))

    maps = camkit.MapLogger(IMAGES[:1], [Run(), Mlflow(), (Client(), "run 7")], target=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maps.log(network(), 12)
    assert calls == [
        ("wandb", ("image", 3), 12, None),
        ("mlflow", "camkit/0", 12),
        ("client", "run 7", "camkit/0", 12),
    ]


def test_what_is_no_logger_is_refused_before_the_training():
    with pytest.raises(TypeError, match="SummaryWriter"):
        camkit.MapLogger(IMAGES, "runs/")


def test_lightnings_training_is_the_same_and_tensorboard_has_the_maps(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")
    pytest.importorskip("tensorboard")
    from lightning.pytorch.loggers import TensorBoardLogger
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self.net(batch), torch.arange(len(batch)) % 4)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fitted(folder: str, callbacks: list) -> list[torch.Tensor]:
        module = Module()
        torch.manual_seed(2)
        data = torch.utils.data.DataLoader(torch.rand(8, 3, 24, 24), batch_size=4, shuffle=True)
        trainer = lightning.Trainer(
            max_epochs=2, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False,
            enable_model_summary=False, enable_checkpointing=False,
            logger=TensorBoardLogger(tmp_path, folder, version=""),
        )  # fmt: skip
        trainer.fit(module, data)
        return list(module.state_dict().values())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maps = camkit.map_callback(IMAGES, "net", target=[0, 3])
        assert all(map(torch.equal, fitted("with", [maps]), fitted("without", [])))
    events = EventAccumulator(str(tmp_path / "with"))
    events.Reload()
    assert events.Tags()["images"] == ["camkit/0", "camkit/1"]
    assert len(events.Images("camkit/0")) == 2
