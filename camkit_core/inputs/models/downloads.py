"""Failed downloads: one error for all their kinds, which says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ...errors import FileError

# Hugging Face's client has used several HTTP libraries; not all their errors are OSErrors.
_CLIENTS = {"huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"}


@contextmanager
def downloading(weights_of: str) -> Iterator[None]:
    """Turn any failure to download into one error that says how to go on without a network.

    Raises:
        FileError: in place of the errors of sockets, HTTP clients and damaged downloads.
    """
    try:
        yield
    except Exception as error:
        if not _is_failed_download(error):
            raise
        reason = str(getattr(error, "reason", None) or error).splitlines() or [""]
        raise FileError(
            f"the DEFAULT weights of {weights_of} could not be downloaded "
            f"({type(error).__name__}: {reason[0]}); give a checkpoint file (--weights FILE) or "
            f"take random weights (--weights none)"
        ) from error


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
