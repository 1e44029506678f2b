"""Names of plugins: which spellings mean the same."""

from __future__ import annotations

import re
from functools import lru_cache

# How the papers and other libraries spell the methods.
ALIASES = {
    "grad-cam": "gradcam",
    "grad-cam++": "gradcam++",
    "gradcampp": "gradcam++",
    "grad-campp": "gradcam++",
    "gradcamplusplus": "gradcam++",
    "gradcam-plusplus": "gradcam++",
    "grad-cam-plusplus": "gradcam++",
    "xgrad-cam": "xgradcam",
    "ablation-cam": "ablationcam",
    "score-cam": "scorecam",
    "guidedbackprop": "guided-backprop",
    "full-grad": "fullgrad",
    "smooth-grad-cam++": "smoothgradcam++",
    "smoothgrad-cam++": "smoothgradcam++",
    "smoothgradcampp": "smoothgradcam++",
    "smooth-grad-campp": "smoothgradcam++",
    "ss-cam": "sscam",
    "is-cam": "iscam",
    "group-cam": "groupcam",
    "recipro-cam": "reciprocam",
    "finer-cam": "finercam",
    "shapley-cam": "shapleycam",
    "kpca-cam": "kpcacam",
    "refine-cam": "refinecam",
}


@lru_cache(maxsize=1024)  # every look-up folds the names of all there is
def fold(name: str) -> str:
    """A name without what does not count in it: case, and which of `-`, `_` and `.` it has.

    >>> fold("Score_CAM") == fold("score-cam"), fold("gradcam++") == fold("gradcam")
    (True, False)
    """
    return re.sub(r"[-_.]+", "-", name).lower()
