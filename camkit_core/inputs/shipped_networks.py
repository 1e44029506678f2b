"""The families of the small networks that camkit ships, by name; this module needs no torch.

The networks themselves are in testing/ground_truth/networks.py.
"""

from __future__ import annotations

FAMILIES = ("resnet", "vgg", "densenet", "mnasnet", "vit")
