"""What camkit promises its users, this package keeps."""

from camkit_more_cams.patchnet import PatchNet

from camkit_core.testing import adapter_checks, method_checks, parametrize, renderer_checks

METHODS = ["hirescam", "layercam", "eigencam"]
SIZES = [(64, 64), (64, 96), (96, 64)]
CHECKS = [check for name in METHODS for check in method_checks(f"camkit-more-cams:{name}")]


@parametrize(CHECKS)
def test_methods(check):
    check()


@parametrize(adapter_checks("camkit_more_cams.patchnet.PatchNet", PatchNet(), SIZES))
def test_adapter(check):
    check()


@parametrize(renderer_checks("camkit-more-cams:contours"))
def test_renderer(check):
    check()
