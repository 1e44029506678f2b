"""PyArrow, which the extra `data` brings."""

from __future__ import annotations

from ..errors import ImportFailed

try:
    import pyarrow as arrow
    import pyarrow.compute as compute
    import pyarrow.dataset as dataset
    import pyarrow.parquet as parquet
except ImportError as error:
    raise ImportFailed(
        f"maps of data sets are Parquet files, and PyArrow cannot be imported ({error}): "
        f'python -m pip install "camkit[data]"'
    ) from error

__all__ = ["arrow", "compute", "dataset", "parquet"]
