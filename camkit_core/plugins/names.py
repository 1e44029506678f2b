"""Names of plugins: which spellings mean the same."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)  # every look-up folds the names of all plugins
def fold(name: str) -> str:
    """A name in lower case, with one "-" for any of `-`, `_` and `.`: spellings that count alike.

    >>> fold("Score_CAM") == fold("score-cam"), fold("gradcam++") == fold("gradcam")
    (True, False)
    """
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=1024)
def loosely(name: str) -> str:
    """A name as papers and other libraries may spell it: without separators, and "++" as a sign.

    >>> loosely("Grad-CAM++") == loosely("gradcampp") == loosely("grad_cam_plusplus")
    True
    """
    joined = fold(name).replace("-", "").replace("plusplus", "++")
    return re.sub("pp$", "++", joined)
