"""Maps of fixed images, logged while a model is trained, without changing a bit of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from ..engine import explain
from ..errors import ArgumentTypeError, ImportFailed, in_brief, quietly, shown, warn
from ..forward.random_states import preserving_rng

SIDE = 320  # of a logged picture's longer side, in pixels
Write = Callable[[str, np.ndarray[Any, Any], str, int], None]  # tag, picture, caption, step


class MapLogger:
    """Logs maps of the same images again and again, to see what a model learns to look at.

    A call of `log` leaves the model, its gradients and all random states bit for bit as they were,
    also in train mode. What goes wrong is a warning, once, and the training goes on.

    Args:
        images: as `explain` takes them: a tensor (N, C, H, W), or pictures with `transform=`.
        to: where maps are logged: a `SummaryWriter` of TensorBoard, a run of Weights & Biases, the
            module `mlflow`, or a pair of an `MlflowClient` and the id of a run; or a list of these.
            Each is called by its own API.
        method: as for `explain`.
        target: as for `explain`; None follows each image's top class.
        tag: the maps' name in the log; image 0 is at `tag/0`.
        **settings: others of `explain`, such as `layer`, `transform` and the method's options.

    Raises:
        ArgumentTypeError: for a logger of another kind.

    Example:
        >>> maps = MapLogger(images, SummaryWriter(), target=labels)  # doctest: +SKIP
        >>> for epoch in range(90):                                   # doctest: +SKIP
        ...     train_one_epoch(model)
        ...     maps.log(model, epoch)
    """

    def __init__(
        self,
        images: Any,
        to: Any = (),
        method: str | Callable[..., Any] = "gradcam",
        target: Any = None,
        tag: str = "camkit",
        **settings: Any,
    ) -> None:
        several = list(to) if isinstance(to, list) else [to] if to != () else []
        self._write = [_writer(each) for each in several]
        self._explain: Any = partial(
            explain, images=images, method=method, target=target, **settings
        )
        self.tag = tag
        self._warned: set[str] = set()

    def log(self, model: nn.Module, step: int) -> None:
        """Explain the images by the model as it is now, and log the maps at a step."""
        self._log(model, step, self._write)

    def _log(self, model: nn.Module, step: int, writers: list[Write]) -> None:
        with preserving_rng():
            try:
                with quietly():
                    explanation = self._explain(model)
                for number, (picture, caption) in enumerate(_pictures(explanation)):
                    for write in writers:
                        write(f"{self.tag}/{number}", picture, caption, step)
                self._say(explanation.notes)
            except Exception as error:  # noqa: BLE001 - whatever it is, the training goes on
                self._say([f"maps cannot be logged at step {step}: {in_brief(error)}"], "failure")

    def _say(self, texts: Any, kind: str = "") -> None:
        """Warn of each text once; of failures once, whatever they are."""
        for text in texts:
            if (kind or text) not in self._warned:
                self._warned.add(kind or text)
                warn(text)


def map_callback(images: Any, part: str = "", every: int = 1, **settings: Any) -> Any:
    """A callback of Lightning that logs maps of fixed images to the trainer's loggers.

    TensorBoardLogger, WandbLogger and MLFlowLogger are written to; others are left alone.

    Args:
        images: see `MapLogger`, as for `settings`.
        part: the attribute of the LightningModule that is explained, as "model"; "" for itself.
        every: of how many epochs one is logged, the first included.
        **settings: `method`, `target`, `tag`, and those of `explain`.

    Raises:
        ImportFailed: if Lightning is not installed.

    Example:
        >>> Trainer(callbacks=[map_callback(images, "model", target=labels)])  # doctest: +SKIP
    """
    maps = MapLogger(images, **settings)

    class Maps(_lightning().Callback):  # type: ignore[misc]
        """Logs maps as epochs end."""

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch % every or not trainer.is_global_zero:
                return
            model = getattr(pl_module, part) if part else pl_module
            maps._log(model, trainer.global_step, list(_of_loggers(trainer.loggers)))

    return Maps()


def _lightning() -> Any:
    with suppress(ImportError):
        return import_module("lightning.pytorch")
    with suppress(ImportError):
        return import_module("pytorch_lightning")
    raise ImportFailed("map_callback needs Lightning; pip install lightning")


def _of_loggers(loggers: Any) -> Iterator[Write]:
    for each in loggers:
        kind = type(each).__name__
        if kind in ("TensorBoardLogger", "WandbLogger"):
            yield _writer(each.experiment)
        elif kind == "MLFlowLogger":
            yield _writer((each.experiment, each.run_id))


def _writer(to: Any) -> Write:
    """The function that writes to a logger by its own API."""
    if hasattr(to, "add_image"):
        return partial(_to_tensorboard, to)
    if isinstance(to, tuple) and len(to) == 2 and hasattr(to[0], "log_image"):
        return partial(_to_mlflow_client, *to)
    if hasattr(to, "log_image"):
        return partial(_to_mlflow, to)
    if hasattr(to, "log") and type(to).__module__.partition(".")[0] == "wandb":
        return partial(_to_wandb, to)
    raise ArgumentTypeError(
        f"expected a SummaryWriter, a run of wandb, the module mlflow, or (MlflowClient, run id), "
        f"got {shown(to)}"
    )


def _to_tensorboard(writer: Any, tag: str, picture: Any, caption: str, step: int) -> None:
    writer.add_image(tag, picture, step, dataformats="HWC")


def _to_wandb(run: Any, tag: str, picture: Any, caption: str, step: int) -> None:
    # Without step=, which would move the run's own count; the step is a value beside the picture.
    image = import_module("wandb").Image(picture, caption=caption)
    run.log({tag: image, "camkit/step": step})


def _to_mlflow(mlflow: Any, tag: str, picture: Any, caption: str, step: int) -> None:
    mlflow.log_image(picture, key=tag, step=step)


def _to_mlflow_client(
    client: Any, run: str, tag: str, picture: Any, caption: str, step: int
) -> None:
    client.log_image(run, picture, key=tag, step=step)


def _pictures(explanation: Any) -> Iterator[tuple[np.ndarray[Any, Any], str]]:
    """Each image's map over it, (H, W, 3) uint8, with its class and score."""
    for index in range(len(explanation)):
        drawn = explanation.render("overlay", index)
        drawn.thumbnail((SIDE, SIDE))
        if max(drawn.size) < SIDE // 2:
            factor = SIDE // max(drawn.size)
            size = (drawn.width * factor, drawn.height * factor)
            drawn = drawn.resize(size, Image.Resampling.BILINEAR)
        yield np.array(drawn), explanation.describe(index)
