"""Is one model explained from many threads as it is from one, and predicted meanwhile as ever?

python benchmarks/threads.py
python benchmarks/threads.py --calls 96 --predictions 50 --only resnet18
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import DenseNet, mnasnet0_5, resnet18
from torchvision.models.vision_transformer import VisionTransformer

import camkit_core as camkit

THREADS = 8
SIDE = 32
MODELS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: resnet18(num_classes=10),
    "mnasnet0_5": lambda: mnasnet0_5(num_classes=10),
    "densenet": lambda: DenseNet(8, (2, 2, 2), 16, num_classes=10),
    "vit": lambda: VisionTransformer(SIDE, 8, 3, 4, 32, 64, num_classes=10),
}
STATES = ("evaluation", "training", "frozen, shared")
METHODS = ("gradcam", "layercam", "eigencam", "ablationcam")


class Wrapper(nn.Module):
    """A model around a model, which it shares with it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(images)


Call = tuple[str, int, int]  # a method, a class and an image


class Configuration:
    """A model in a state, explained from many threads at once."""

    def __init__(self, name: str, state: str) -> None:
        torch.manual_seed(0)
        self.model, self.state = MODELS[name](), state
        self.model(torch.randn(16, 3, SIDE, SIDE))  # so that norms have statistics
        self.model.train(state == "training")
        if state == "frozen, shared":
            self.model.requires_grad_(False)
        layer = camkit.explain(self.model, torch.randn(1, 3, SIDE, SIDE)).layer
        self.ways = [(self.model, layer)] * THREADS
        if state == "frozen, shared":
            self.ways[1::2] = [(Wrapper(self.model).eval(), f"inner.{layer}")] * (THREADS // 2)
        self.images = torch.randn(4, 3, SIDE, SIDE)
        self.counts: Counter[str] = Counter()
        self.errors: dict[str, str] = {}  # the first of each kind

    def cam(self, call: Call, thread: int = 0) -> Tensor:
        method, target, image = call
        model, layer = self.ways[thread]
        settings: dict[str, Any] = {"layer": layer}
        if isinstance(self.model, VisionTransformer):
            settings["reshape_transform"] = camkit.tokens_to_grid(SIDE // 8, SIDE // 8, prefix=1)
        return camkit.explain(model, self.images[image][None], method, target, **settings).cam

    def run(self, calls: int, predictions: int) -> Counter[str]:
        kinds: list[Call] = list(itertools.product(METHODS, range(3), range(len(self.images))))
        expected = {kind: self.cam(kind) for kind in kinds}
        before = self.facts()
        work = itertools.islice(itertools.cycle(kinds), calls)
        share = [list(calls) for calls in _dealt(work, THREADS)]
        self.done = threading.Event()
        workers = [
            threading.Thread(target=self.explain, args=(index, share[index], expected))
            for index in range(THREADS)
        ]
        predictor = threading.Thread(target=self.predict, args=(predictions,))
        for thread in [predictor, *workers]:
            thread.start()
        for thread in workers:
            thread.join()
        self.done.set()
        predictor.join()
        self.counts["changed"] += before != self.facts()
        return self.counts

    def explain(self, index: int, calls: list[Call], expected: dict[Call, Tensor]) -> None:
        for call in calls:
            self.counts["calls"] += 1
            try:
                if not torch.equal(self.cam(call, index), expected[call]):
                    self.counts["different"] += 1
            except Exception as error:  # noqa: BLE001 - counted
                self.counts["errors"] += 1
                self.errors.setdefault(type(error).__name__, str(error))

    def predict(self, predictions: int) -> None:
        """Predict while the others explain, and go on until there are enough predictions."""
        if self.state == "training":
            return  # a prediction meanwhile would be in evaluation mode, as the docs say
        with torch.no_grad():
            expected = [self.model(image[None]) for image in self.images]
            for number in range(predictions):
                image = number % len(self.images)
                same = torch.equal(self.model(self.images[image][None]), expected[image])
                self.counts["predictions"] += 1
                self.counts["predictions meanwhile"] += not self.done.is_set()
                self.counts["predictions different"] += not same
                time.sleep(0.001)

    def facts(self) -> Any:
        """All that a call must leave as it was."""
        return {
            "modes": [module.training for module in self.model.modules()],
            "hooks": [len(module._forward_hooks) for module in self.model.modules()],
            "values": {key: value.tolist() for key, value in self.model.state_dict().items()},
            "gradients": [parameter.grad is None for parameter in self.model.parameters()],
            "random": torch.get_rng_state().tolist(),
        }


def _dealt(items: Iterator[Call], hands: int) -> list[list[Call]]:
    dealt: list[list[Call]] = [[] for _ in range(hands)]
    for index, item in enumerate(items):
        dealt[(index * 7 // 5) % hands].append(item)
    return dealt


def main() -> None:
    """Print a line for each configuration, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=768, help="in each configuration")
    parser.add_argument("--predictions", type=int, default=500, help="in each not in training")
    parser.add_argument("--only", choices=MODELS, help="one model")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", camkit.CamkitWarning)
    torch.set_num_threads(1)
    total: Counter[str] = Counter()
    print(
        "| model | state | calls | errors | different | model changed | predictions | different |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, state in itertools.product(MODELS, STATES):
        if arguments.only in (None, name):
            configuration = Configuration(name, state)
            counts = configuration.run(arguments.calls, arguments.predictions)
            total += counts
            print(_row(name, state, counts), *configuration.errors.items(), flush=True)
    print(_row("all", "", total))
    print(f"{total['predictions meanwhile']} predictions while other threads explained")


def _row(name: str, state: str, counts: Counter[str]) -> str:
    keys = "calls", "errors", "different", "changed", "predictions", "predictions different"
    return f"| {name} | {state} | {' | '.join(str(counts[key]) for key in keys)} |"


if __name__ == "__main__":
    main()
