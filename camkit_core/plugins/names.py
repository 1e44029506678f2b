"""Names of plugins: which spellings mean the same."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)  # every look-up folds the names of all there is
def fold(name: str) -> str:
    """A name without what does not count in it: case, and which of `-`, `_` and `.` it has.

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
