"""What is compiled is called from C++ where that works, and from Python elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from camkit_core.forward.compiled import folding
from camkit_core.forward.compiled.cannot import CannotCompile
from camkit_core.forward.compiled.options import Options
from helpers.uncompiled import X


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Settings that the compiler is asked for, which fails where there are some."""
    asked: list[dict[str, Any]] = []

    def code(trunk: Any, *given: Any, **settings: Any) -> Any:
        asked.append(settings)
        if settings or trunk is None:
            raise RuntimeError("no kernel")
        return trunk

    monkeypatch.setattr(folding, "_code", code)
    return asked


def test_what_cannot_be_called_from_cpp_is_called_from_python(asked: list[dict[str, Any]]) -> None:
    trunk: Any = nn.Identity()
    assert folding.folded(trunk, [], X, Options()) is trunk
    assert asked == [{"cpp_wrapper": True}, {}]


def test_only_a_cpu_is_asked_for_cpp(asked: list[dict[str, Any]]) -> None:
    folding.folded(nn.Identity(), [], X.to("meta"), Options())
    assert asked == [{}]


def test_the_compilers_last_word_is_the_reason(asked: list[dict[str, Any]]) -> None:
    nothing: Any = None
    with pytest.raises(CannotCompile, match=r"torch\.compile fails .*no kernel"):
        folding.folded(nothing, [], X, Options())


def test_torchs_own_graphs_which_write_over_results_are_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bool] = []

    def compiled(call: Any, **asked: Any) -> Any:
        return lambda images: seen.append(torch._inductor.config.triton.cudagraphs)

    monkeypatch.setattr(torch, "compile", compiled)
    asked = torch._inductor.config.patch({"triton.cudagraphs": True})
    with asked, pytest.raises(CannotCompile):
        folding.folded(nn.Identity(), [], X, Options())
    assert seen
    assert not any(seen)
