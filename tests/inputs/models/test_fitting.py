"""Weights inside wrappers and under prefixes: those of the model are found, or none is loaded."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from camkit_core import load_model
from camkit_core.errors import CamkitError, CamkitWarning, InputError
from helpers.network_files import TINY, same_weights, saved, tiny

WRAPPERS = [
    "",
    *("state_dict", "model_state_dict", "model", "net", "state_dict_ema", "model_ema", "ema"),
    *("teacher", "student", "module", "network", "weights", "params", "checkpoint.model"),
]
PREFIXES = ["", "module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "module.ema."]


def under(prefix: str, model: nn.Module) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in model.state_dict().items()}


def wrapped(content: object, wrapper: str) -> object:
    for key in reversed(wrapper.split(".") if wrapper else []):
        content = {key: content, "epoch": 3}
    return content


def made(seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return tiny()


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_weights_in_any_wrapper_and_under_any_prefix_are_loaded(
    wrapper: str, prefix: str, tmp_path: Path
) -> None:
    content = wrapped(under(prefix, made()), wrapper)
    loaded = load_model(TINY, saved(content, tmp_path / "w.pth"))
    assert same_weights(loaded.model, made())
    assert loaded.notes == ()


def test_what_training_left_beside_the_network_is_left_out_with_a_note(tmp_path: Path) -> None:
    extra = {"criterion.weight": torch.ones(2, 2), "train_acc.tp": torch.ones(2)}
    path = saved({"state_dict": under("model.", made()) | extra}, tmp_path / "w.ckpt")
    with pytest.warns(CamkitWarning, match=r"left out: criterion\.weight, train_acc\.tp"):
        loaded = load_model(TINY, path)
    assert same_weights(loaded.model, made())
    same_level = saved(made().state_dict() | {"loss_fn.scale": torch.ones(2, 2)}, path)
    with pytest.warns(CamkitWarning, match=r"left out: loss_fn\.scale"):
        assert same_weights(load_model(TINY, same_level).model, made())


def test_counters_of_profilers_and_of_averages_are_left_out(tmp_path: Path) -> None:
    extra = {"module.0.total_ops": torch.zeros(1), "n_averaged": torch.tensor(3)}
    path = saved(under("module.", made()) | extra, tmp_path / "w.pth")
    with pytest.warns(CamkitWarning, match=r"left out: module\.0\.total_ops, n_averaged"):
        assert same_weights(load_model(TINY, path).model, made())


def test_what_may_be_a_part_of_the_network_is_not_left_out_unasked(tmp_path: Path) -> None:
    extra = {"head.weight": torch.ones(7, 2)}
    path = saved(under("backbone.", made()) | extra, tmp_path / "w.pth")
    with pytest.raises(CamkitError, match=r"head\.weight.*--weights '\S*w\.pth#backbone'"):
        load_model(TINY, path)
    with pytest.warns(CamkitWarning, match=r"left out: head\.weight"):
        loaded = load_model(TINY, f"{path}#backbone")
    assert same_weights(loaded.model, made())


@pytest.mark.parametrize("extra", ["0.extra", "attention.weight"])
def test_a_larger_network_is_refused_although_all_names_are_there(
    extra: str, tmp_path: Path
) -> None:
    path = saved(made().state_dict() | {extra: torch.ones(2, 2)}, tmp_path / "w.pth")
    with pytest.raises(CamkitError, match=f"unexpected: {extra}"):
        load_model(TINY, path)


def test_extra_weights_do_not_hide_a_missing_one(tmp_path: Path) -> None:
    state = under("model.", made()) | {"criterion.weight": torch.ones(2, 2)}
    del state["model.3.bias"]
    with pytest.raises(CamkitError, match=r"missing: 3\.bias"):
        load_model(TINY, saved({"state_dict": state}, tmp_path / "w.pth"))


@pytest.mark.parametrize("average", ["state_dict_ema", "ema", "model_ema", "swa_model"])
def test_the_weights_themselves_are_taken_and_their_average_is_named(
    average: str, tmp_path: Path
) -> None:
    content = {average: made(2).state_dict(), "state_dict": made(1).state_dict()}
    path = saved(content, tmp_path / "w.pth")
    with pytest.warns(CamkitWarning, match=f"to use those: --weights '{path}#{average}'"):
        loaded = load_model(TINY, path)
    assert same_weights(loaded.model, made(1))
    assert loaded.weights.startswith("w.pth#state_dict sha256:")
    averaged = load_model(TINY, f"{path}#{average}")
    assert same_weights(averaged.model, made(2))
    assert averaged.weights.startswith(f"w.pth#{average} sha256:")


def test_prefixes_tell_weights_and_their_average_apart_too(tmp_path: Path) -> None:
    state = under("model.", made(1)) | under("ema_model.module.", made(2))
    path = saved({"state_dict": state}, tmp_path / "w.ckpt")
    with pytest.warns(CamkitWarning, match=r"#state_dict\.ema_model\.module"):
        assert same_weights(load_model(TINY, path).model, made(1))
    ema = load_model(TINY, f"{path}#state_dict.ema_model")
    assert same_weights(ema.model, made(2))


def test_the_advice_is_a_word_of_a_command_line(tmp_path: Path) -> None:
    (folder := tmp_path / "my $files").mkdir()
    content = {"student": made(1).state_dict(), "teacher's own": made(2).state_dict()}
    path = saved(content, folder / "w.pth")
    with pytest.raises(InputError, match="choose, as in --weights ") as e:
        load_model(TINY, path)
    (advised,) = shlex.split(str(e.value).rpartition("--weights ")[2])
    assert same_weights(load_model(TINY, advised).model, made(1))
    assert same_weights(load_model(TINY, f"{path}#teacher's own").model, made(2))


def test_where_two_sets_of_weights_are_equally_likely_the_user_chooses(tmp_path: Path) -> None:
    content = {"student": made(1).state_dict(), "teacher": made(2).state_dict()}
    path = saved(content, tmp_path / "w.pth")
    with pytest.raises(CamkitError, match=r"more than once, at student, teacher; choose.*#student"):
        load_model(TINY, path)
    assert same_weights(load_model(TINY, f"{path}#teacher").model, made(2))
    with pytest.raises(CamkitError, match=r"no weights of .* at 'gone'; .*'student', 'teacher'"):
        load_model(TINY, f"{path}#gone")


def test_weights_of_other_networks_in_the_file_do_not_disturb(tmp_path: Path) -> None:
    other = nn.Sequential(nn.Linear(3, 3)).state_dict()
    content = {"netD": other, "netG": made().state_dict(), "optimizer": {"state": {0: other}}}
    assert same_weights(load_model(TINY, saved(content, tmp_path / "w.pth")).model, made())


def test_a_file_whose_name_has_a_number_sign_is_found(tmp_path: Path) -> None:
    path = saved(made().state_dict(), tmp_path / "run#3.pth")
    assert same_weights(load_model(TINY, path).model, made())


@pytest.mark.parametrize("dtype", [torch.int8, torch.complex64])
def test_weights_of_another_kind_of_numbers_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    state = made().state_dict()
    state["3.weight"] = state["3.weight"].to(dtype)
    with pytest.raises(CamkitError, match=f"weight is {dtype}, not torch.float32"):
        load_model(TINY, saved(state, tmp_path / "w.pth"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_loaded_counters_too(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    state = {key: value.to(dtype) for key, value in made().state_dict().items()}
    loaded = load_model(TINY, saved(state, tmp_path / "w.pth")).model.state_dict()
    assert all(
        torch.equal(loaded[key], value.to(loaded[key].dtype)) for key, value in state.items()
    )
