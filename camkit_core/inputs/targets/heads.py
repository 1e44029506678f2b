"""Whether the class scores are scores at all: a model without its classifier gives features."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

from ...errors import TargetError
from ..output import OutputPart
from ..prepare import Inputs
from ..seen import once, will_run
from .found import where_scores_are

_NAMES = ("fc", "classifier", "head", "heads", "last_linear")  # of classifiers, in libraries
# By the names of gradients: what multiplies by weights, what leaves each channel to itself, and
# what ends a feature extractor.
_LINEAR = re.compile(r"(Addmm|Mm|Bmm|Addbmm|Baddbmm|Mv|\w*Convolution)Backward\d*")
_PASSING = re.compile(
    r"(View|UnsafeView|ReshapeAlias|Squeeze|Unsqueeze|Select|Slice|ToCopy|Clone|Alias|T|Transpose|"
    r"Permute|Expand|AsStrided|Mean|Sum|Amax|NativeDropout|\w*Pool\w*|\w*Norm)Backward\d*|torch::autograd::Copy(Backwards|Slices)"
)
_ACTIVATION = re.compile(
    r"(Relu|Hardtanh|Silu|Gelu|Hardswish|Elu|LeakyRelu|PreluKernel|Mish)Backward\d*"
)
_TOWERS = ("get_image_features", "get_text_features"), ("encode_image", "encode_text")
_LEAF = "torch::autograd::AccumulateGrad"
_DEPTH = 30


def refuse_features(model: nn.Module, part: OutputPart | None, output: Any, scores: Tensor) -> None:
    """Raise TargetError if the model itself says that its classifier is gone.

    Args:
        model: the model.
        part: which part of the output was asked for; a function of the output may do anything, so
            then nothing is refused.
        output: the model's output, or that part.
        scores: (N, K), what would be taken for class scores.
    """
    if part is not None and callable(part.key):
        return
    if reason := _without_classifier(model, part, scores):
        where = where_scores_are(output)
        raise TargetError(
            f"{type(model).__name__} has no classifier ({reason}), so its output "
            f"{tuple(scores.shape)} holds features of the image, and no class scores; load it with "
            f"its classes; or explain what the features rest on: target=lambda output: "
            f"{where}.norm(), or how they resemble those of another image, by SimilarityTarget"
        )


def refuse_embeddings(inputs: Inputs) -> None:
    """Raise TargetError for a model that embeds images and texts, and was given images alone."""
    args, model = inputs.forward_args, inputs.model
    alone = args.entry is not None or not (args.args or args.kwargs)
    if args.output is None and alone and once(model, "towers", lambda: _has_towers(model)):
        raise TargetError(
            f"{type(model).__name__} embeds images and texts, and has no classes; say what to look "
            f"for: target=camkit_core.TextTarget('a red car'), or several texts in a list, of "
            f"which each image's most similar one is explained"
        )


def _has_towers(model: nn.Module) -> bool:
    kind = type(model)
    return any(all(callable(getattr(kind, name, None)) for name in pair) for pair in _TOWERS)


def _without_classifier(model: nn.Module, part: OutputPart | None, scores: Tensor) -> str:
    """By what the model says that it has no classifier; "" if it does not."""
    none, identity, base = once(model, "classifier", lambda: _stated_of_classifier(model))
    if none:
        return "num_classes=0"
    if identity and _ends_with_features(scores):
        return "its classifier is an Identity"
    if base and "logit" not in str(part.key if part else ""):
        return "it is the base of models that have one"
    return ""


def _stated_of_classifier(model: nn.Module) -> tuple[bool, bool, bool]:
    """Whether the model says that it has none, or that it is an identity; or is made to get one."""
    classifier = _stated_classifier(model)
    none = _is_zero(getattr(model, "num_classes", None)) and not _has_weights(classifier)
    return none, isinstance(classifier, nn.Identity), _is_base_of_transformers(model)


def _is_zero(count: Any) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and count == 0


def _has_weights(module: nn.Module | None) -> bool:
    return module is not None and any(True for _ in module.parameters())


def _stated_classifier(model: nn.Module) -> nn.Module | None:
    """The module that ends the model's classifier, as timm states it or libraries name it."""
    getter = getattr(model, "get_classifier", None)
    if callable(getter):
        classifier = getter()
        return classifier if isinstance(classifier, nn.Module) else None
    named = [child for name, child in model.named_children() if name in _NAMES]
    return _last(named[-1]) if named else None


def _last(module: nn.Module) -> nn.Module:
    """The last module of a sequence; of a sequence without modules an identity, which it is."""
    while isinstance(module, nn.Sequential):
        module = module[-1] if len(module) else nn.Identity()
    return module


def _is_base_of_transformers(model: nn.Module) -> bool:
    """Whether it is such a model of transformers as `AutoModel` and `AutoBackbone` give."""
    # Of the class: a wrapper such as peft's PeftModel has the attributes of what it wraps.
    if not hasattr(type(model), "base_model_prefix") or not hasattr(model, "config"):
        return False
    return re.search(r"(Model|Backbone)$", type(model).__name__) is not None


def _ends_with_features(scores: Tensor) -> bool:
    """Whether the scores are what a feature extractor ends with, but for norms and pooling."""
    node = _origin(scores)
    if node is None or node.name() == _LEAF or _ACTIVATION.fullmatch(node.name()):
        return True
    joined = re.fullmatch(r"(Add|Cat)Backward\d*", node.name()) is not None
    return joined and not any(
        before is None or before.name() == _LEAF or _LINEAR.fullmatch(before.name())
        for before, _ in node.next_functions
    )


def looks_like_features(model: nn.Module, scores: Tensor) -> bool:
    """Whether the scores (N, K) are probably features, where the model does not say so.

    They are the explained layer's channels, pooled; and several layers have as many, as the stages
    of a network have and classes have not.
    """
    node = _origin(scores, also=_ACTIVATION)
    if node is None or node.name() != _LEAF:
        return False
    will_run()  # a weight may be computed as it is read
    widths = [
        len(weight)
        for module in model.modules()
        if isinstance(weight := getattr(module, "weight", None), Tensor) and weight.ndim
    ]
    return widths.count(scores.shape[1]) > 3


def _origin(scores: Tensor, also: re.Pattern[str] = _PASSING) -> Any:
    """The node of the graph that mixed channels last before the scores; None without a graph."""
    node: Any = scores.grad_fn
    for _ in range(_DEPTH):
        if node is None or not (_PASSING.fullmatch(node.name()) or also.fullmatch(node.name())):
            break
        node = next((before for before, _ in node.next_functions if before is not None), None)
    return node
