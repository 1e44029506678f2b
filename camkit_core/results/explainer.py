"""A model made ready to be explained many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .explanation import Explanation

Answer = Callable[[Any, Any], Explanation]


class PreparedExplainer:
    """Explains images by one method, for a model that is made ready once; see `prepare`.

    It may be called by several threads, each of which waits for the one before.

    Attributes:
        model: the model, which it keeps.
        method: the method's name.
        layer: the name of what is explained of images like the example.
    """

    def __init__(self, model: Any, method: str, target: Any, answer: Answer) -> None:
        self.model, self.method, self.layer = model, method, ""
        self._target, self._answer = target, answer

    def __call__(self, images: Any, target: Any = None) -> Explanation:
        """What `explain` gives, bit for bit.

        Args:
            images: see `explain`; of any size and number, also other than the example's.
            target: see `explain`; None for the target that was prepared.

        Raises:
            CamkitError: as `explain`.
        """
        return self._answer(images, self._target if target is None else target)

    def __repr__(self) -> str:
        kind = type(getattr(self.model, "model", self.model)).__name__
        return f"<PreparedExplainer {self.method} at {self.layer} of {kind}>"
