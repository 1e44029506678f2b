"""torch-cam's metrics: what the model says of inputs that the map covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from camkit_core import ArgumentError, ArgumentTypeError

from .metric_base import Explained, Metric

__all__ = ["ClassificationMetric", "DeletionInsertionMetric"]


class ClassificationMetric(Metric):
    """Average drop, and the share of inputs whose score rises, where the map lets them through.

    Args:
        cam_extractor: an extractor of `methods`.
        logits_fn: from the model's output to scores, such as a softmax.
    """

    def _measure(self, explained: Explained) -> None:
        masked = explained.maps.unsqueeze(1) * explained.inputs
        before, after = explained.scores, self._scores(masked, explained)
        self.drop += ((before - after).relu() / (before + 1e-7)).sum().item()
        self.increase += (before < after).sum().item()

    def summary(self) -> dict[str, float]:
        """The mean of "avg_drop" and of "conf_increase" over all inputs.

        Raises:
            NotForwarded: before the first update with a valid map (an AssertionError).
        """
        self._check_updated()
        return {
            "avg_drop": self.drop / self.total,
            "conf_increase": self.increase / self.total,
        }

    def reset(self) -> None:
        """Forget all inputs."""
        super().reset()
        self.drop = self.increase = 0.0


class DeletionInsertionMetric(Metric):
    """Areas under the score as the map's highest positions are deleted, or inserted (RISE).

    Args:
        cam_extractor: an extractor of `methods`.
        logits_fn: from the model's output to scores, such as a softmax.
        steps: how many parts, at most, the positions are taken in.
        baseline: what stands where the input is deleted: a tensor, a function of the inputs that
            gives one, or None for zeros.
        batch_size: how many inputs run at once.

    Raises:
        ArgumentTypeError: for an argument of another type.
        ArgumentError: for a number below 1.
    """

    def __init__(
        self,
        cam_extractor: Any,
        logits_fn: Callable[[Any], Any] | None = None,
        *,
        steps: int = 20,
        baseline: Tensor | Callable[[Tensor], Tensor] | None = None,
        batch_size: int = 32,
    ) -> None:
        for name, number in {"steps": steps, "batch_size": batch_size}.items():
            if not isinstance(number, int) or isinstance(number, bool):
                raise ArgumentTypeError(f"{name} must be an integer, got {number!r}")
            if number < 1:
                raise ArgumentError(f"{name} must be positive, got {number}")
        if not (baseline is None or isinstance(baseline, Tensor) or callable(baseline)):
            raise ArgumentTypeError("baseline must be a tensor, a callable, or None")
        self.steps, self.baseline, self.batch_size = steps, baseline, batch_size
        super().__init__(cam_extractor, logits_fn)

    def _measure(self, explained: Explained) -> None:
        rows = zip(
            explained.inputs, _ranks(explained.maps), self._baselines(explained), strict=True
        )
        for sample, row in enumerate(rows):
            deletion, insertion = self._areas(explained.one(sample), *row)
            self.deletion += deletion
            self.insertion += insertion

    def _areas(
        self, explained: Explained, image: Tensor, ranks: Tensor, baseline: Tensor
    ) -> tuple[float, float]:
        """The areas under the curves of one input, each picture of which is scored once."""
        counts = self._counts(ranks.numel())
        deleted = [torch.where(ranks < count, baseline, image) for count in counts]
        inserted = [torch.where(ranks < count, image, baseline) for count in counts]
        # The last of those deleted is the first of those inserted, and the other way round.
        runs = torch.split(torch.stack(deleted + inserted[1:-1]), self.batch_size)
        scores = torch.cat([self._scores(run, explained) for run in runs])
        scores[0] = explained.scores[0]
        falling, rising = scores[: len(counts)], scores[len(counts) :]
        rising = torch.cat([falling[-1:], rising, falling[:1]])
        shares = torch.tensor(counts, dtype=torch.float32, device=scores.device) / counts[-1]
        return tuple(torch.trapezoid(curve, shares).item() for curve in (falling, rising))  # type: ignore[return-value]

    def _counts(self, positions: int) -> list[int]:
        """How many positions are changed at each step."""
        return [*range(0, positions, -(-positions // self.steps)), positions]

    def _baselines(self, explained: Explained) -> Tensor:
        inputs = explained.inputs
        baseline = self.baseline(inputs) if callable(self.baseline) else self.baseline
        if baseline is None:
            return torch.zeros_like(inputs)
        if not isinstance(baseline, Tensor):
            raise ArgumentTypeError(f"baseline callable must return a tensor, got {baseline!r}")
        try:
            return torch.broadcast_to(baseline.to(inputs), inputs.shape)
        except RuntimeError as error:
            raise ArgumentError(
                f"a baseline of shape {tuple(baseline.shape)} must be broadcastable to the inputs, "
                f"{tuple(inputs.shape)}"
            ) from error

    def summary(self) -> dict[str, float]:
        """The mean of "deletion_auc" and of "insertion_auc" over all inputs.

        Raises:
            NotForwarded: before the first update with a valid map (an AssertionError).
        """
        self._check_updated()
        return {
            "deletion_auc": self.deletion / self.total,
            "insertion_auc": self.insertion / self.total,
        }

    def reset(self) -> None:
        """Forget all inputs."""
        super().reset()
        self.deletion = self.insertion = 0.0


def _ranks(maps: Tensor) -> Tensor:
    """The place of each position of (N, H, W) among those of its map, the highest first."""
    order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1).view(maps.shape)
