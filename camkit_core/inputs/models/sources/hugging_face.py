"""Models of Hugging Face by name: from a folder, or from the hub."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ....errors import CamkitError, FileError, InputError, UnknownName, in_brief, shown
from ..checkpoints import sha256
from ..downloads import downloading
from ..source import ModelSource
from ..tasks import task_of_class
from .image_processors import preprocessing_by
from .libraries import library, path_named

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_LONGEST = 96  # letters of a name there


def hf(name: str) -> ModelSource:
    """Image models of Hugging Face: NAME of the hub, or a folder of save_pretrained.

    The model is of the class that the configuration's `architectures` names, which has to be one
    of transformers: code beside the weights is never run.

    Raises:
        UnknownName: if there is no such folder, and it cannot be a name of the hub.
        FileError: if its configuration cannot be read or downloaded.
        InputError: if the configuration names no class of transformers.
        ImportFailed: without transformers.
    """
    transformers = library("transformers", "hf")
    where = _place(name)
    with _reading(name, "config.json"):
        config = transformers.AutoConfig.from_pretrained(where, trust_remote_code=False)
    model_class = _class_of(transformers, config, name)
    task = task_of_class(model_class)
    _check_reads_images_alone(model_class, task, name)

    def build(classes: int | None) -> nn.Module:
        own = _without_downloads(copy.deepcopy(config))
        if classes is not None:
            own.num_labels = classes
        model: nn.Module = model_class(own)
        return model

    return ModelSource(
        build=build,
        pretrained=lambda: _pretrained(model_class, where, name, config),
        preprocessing=_preprocessing(transformers, where, name),
        classes=config.num_labels if task == "classification" else None,
        task=task,
        of_weights=partial(_of_weights, model_class, config, name),
        tokenizer=partial(_tokenizer, transformers, where, name) if task == "text-image" else None,
    )


hf.models = "camkit_core.inputs.models.sources.listed:hub_models"  # type: ignore[attr-defined]


def _place(name: str) -> str:
    """The folder of that name, or where it is on the hub or in its cache."""
    folder = path_named(name)
    if folder is not None and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise FileError(
                f"no config.json in the folder {shown(name)}; expected one that "
                f"model.save_pretrained(...) has written"
            )
        return str(folder)
    if not _HUB_NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UnknownName(
            f"no folder {shown(name)}, and no name of the Hugging Face Hub has its form; expected "
            f"--model hf:OWNER/NAME, or hf:FOLDER with a model that save_pretrained has written"
        )
    with _reading(name, "config.json"):
        return _on_hub(name)


def _on_hub(name: str) -> str:
    """The name, where the hub answers; else the folder in its cache, where it is cached.

    The hub's own client would try for most of a minute, with warnings, before it gives up.
    """
    import huggingface_hub as hub

    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(name, "config.json"), timeout=10)
    except Exception:
        cached = hub.try_to_load_from_cache(name, "config.json")
        if not isinstance(cached, str):
            raise
        return str(Path(cached).parent)
    return name


@contextmanager
def _reading(name: str, file: str) -> Iterator[None]:
    """Turn the failure to fetch or to read a file of a model into one error."""
    try:
        yield
    except CamkitError:
        raise
    except Exception as error:
        reason = in_brief(error)
        raise FileError(
            f"{file} of hf:{name} cannot be read or downloaded ({reason}); give a folder that "
            f"save_pretrained has written, as hf:FOLDER"
        ) from error


def _class_of(transformers: Any, config: Any, name: str) -> Any:
    """The class that the configuration names."""
    if config.model_type == "timm_wrapper":
        raise InputError(
            f"hf:{name} is a model of timm; name it as timm does: --model "
            f"timm:{name.rpartition('/')[2]}"
        )
    named = config.architectures or []
    found = [getattr(transformers, each, None) for each in named]
    if not found or not isinstance(found[0], type):
        said = f"architectures {', '.join(named)}, which transformers has not" if named else "none"
        raise InputError(
            f"hf:{name} names no class of transformers (architectures: {said}); code of its own is "
            f"not run: build it yourself, and give --model package.module:factory"
        )
    return found[0]


def _check_reads_images_alone(model_class: Any, task: str, name: str) -> None:
    """Raise InputError for a detector that is told by texts what to detect."""
    if task == "detection" and "input_ids" in signature(model_class.forward).parameters:
        raise InputError(
            f"hf:{name} is a {model_class.__name__}, which reads in texts what it is to detect; "
            f"explain it in Python, with all arguments of its call: "
            f"camkit_core.explain(model, inputs, target=...)"
        )


def _without_downloads(config: Any) -> Any:
    """The configuration, without the weights of a backbone that the constructor would fetch."""
    for part in (config, getattr(config, "backbone_config", None)):
        if part is not None and getattr(part, "use_pretrained_backbone", False):
            part.use_pretrained_backbone = False
    return config


def _pretrained(model_class: Any, where: str, name: str, config: Any) -> tuple[nn.Module, str]:
    with downloading(f"hf:{name}", where), _without_bars():
        loaded = model_class.from_pretrained(where, output_loading_info=True)
    model = _complete(loaded, name)
    return model, _weights_named(Path(where), name, getattr(config, "_commit_hash", None))


def _of_weights(model_class: Any, config: Any, name: str, weights: dict[str, Tensor]) -> nn.Module:
    """The model with weights by the names that save_pretrained gives them."""
    try:
        with _without_bars():
            loaded = model_class.from_pretrained(
                None, config=copy.deepcopy(config), state_dict=weights, output_loading_info=True
            )
    except Exception as error:
        reason = in_brief(error)
        raise InputError(f"the file's weights do not fit hf:{name} ({reason})") from error
    return _complete(loaded, name)


def _complete(loaded: tuple[nn.Module, Any], name: str) -> nn.Module:
    """A model that was loaded; InputError if weights of it are missing, and would be random."""
    model, info = loaded
    if missing := sorted(info["missing_keys"]):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"these weights of hf:{name} lack {', '.join(missing[:3])}{more} of "
            f"{type(model).__name__}, which would be random; give a model that was trained for "
            f"its task, or take random weights (--weights none)"
        )
    return model


def _weights_named(folder: Path, name: str, version: str | None) -> str:
    """The weights for the record: a name on the hub with its version, or a folder with a hash."""
    if folder.parent.name == "snapshots":  # in the cache of the hub
        version = folder.name
    if version or not folder.is_dir():
        return f"{name}@{version}" if version else name
    files = [*folder.glob("*.safetensors")] or [*folder.glob("*.bin")]
    digest = f" sha256:{sha256(files[0])}" if len(files) == 1 else ""
    return f"{folder.resolve().name}{digest}"


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep transformers from drawing its progress bars."""
    logging: Any = import_module("transformers.utils.logging")

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _preprocessing(transformers: Any, where: str, name: str) -> Any:
    """The preprocessing by the image processor; None where there is none."""
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(where, trust_remote_code=False)
    except OSError:
        return None
    except Exception as error:
        reason = in_brief(error)
        raise InputError(f"the image processor of hf:{name} cannot be made: {reason}") from error
    return preprocessing_by(processor)


def _tokenizer(transformers: Any, where: str, name: str) -> Callable[..., Any]:
    with _reading(name, "the tokenizer"):
        tokenizer: Callable[..., Any] = transformers.AutoTokenizer.from_pretrained(
            where, trust_remote_code=False
        )
    return tokenizer
