"""A network that camkit has never seen, and its adapter."""

from torch import Tensor, nn

from camkit_core import Adapter, tokens_to_grid


class PatchNet(nn.Module):
    """Patches of 8 pixels behind two extra tokens, and layers that do not mix them."""

    def __init__(self, width: int = 16, classes: int = 5) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        tokens = self.norm(nn.functional.pad(tokens, (0, 0, 2, 0)))
        return self.head(self.mlp(tokens).mean(1))


def adapter(model: PatchNet, image_size: tuple[int, int]) -> Adapter:
    """The norm, whose first two tokens are no patches."""
    height, width = (side // 8 for side in image_size)
    return Adapter(model.norm, tokens_to_grid(height, width, prefix=2))
