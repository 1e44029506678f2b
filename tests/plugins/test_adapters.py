"""Adapters are found by the class of a model."""

from __future__ import annotations

import sys

import pytest

from camkit_core.errors import PluginError, UnknownName
from camkit_core.plugins import Registry
from camkit_core.plugins.hookspecs import Spec
from helpers.fake_packages import Install
from helpers.registries import code


def a_class(path: str, *bases: type) -> type:
    module, _, name = path.rpartition(".")
    return type(name, bases, {"__module__": module, "__qualname__": name})


def adapters(install: Install, distribution: str, *keys: str) -> None:
    module = distribution.replace("-", "_")
    lines = "".join(f"{key} = {module}:f\n" for key in keys)
    install(distribution, f"[camkit.adapters]\n{lines}", **{module: "def f(): ..."})


def chosen(cls: type) -> str:
    row = Registry().adapter_for(cls)
    return row.qualified if row else "none"


def test_the_longest_name_of_the_nearest_class_is_the_adapter(install: Install) -> None:
    adapters(install, "lab-a", "zoo", "zoo.vit", "zoo.vit.ViT", "zoo.vi", "torch")
    base = a_class("torch.nn.modules.module.Module")
    vit = a_class("zoo.vit.ViT", base)
    assert chosen(a_class("__main__.Net", vit)) == "lab-a:zoo.vit.ViT"
    assert chosen(a_class("zoo.vit.Other", base)) == "lab-a:zoo.vit"
    assert chosen(a_class("zoo.vitamin.Net", base)) == "lab-a:zoo"
    assert chosen(a_class("zoological.Net", base)) == "lab-a:torch"
    assert chosen(a_class("elsewhere.Net")) == "none"
    assert "lab_a" not in sys.modules


def test_a_built_in_adapter_keeps_its_name_and_a_longer_one_wins(install: Install) -> None:
    resnet = a_class("torchvision.models.resnet.ResNet")
    adapters(install, "aaa-lab", "torchvision.models.resnet")
    assert chosen(resnet) == "camkit:torchvision.models.resnet"
    adapters(install, "bbb-lab", "torchvision.models.resnet.ResNet")
    assert chosen(resnet) == "bbb-lab:torchvision.models.resnet.ResNet"


def test_two_adapters_of_one_name_are_an_error_for_its_models(install: Install) -> None:
    adapters(install, "lab-a", "zoo.vit")
    adapters(install, "lab-b", "zoo.vit")
    with pytest.raises(PluginError, match=r"lab-a:zoo\.vit \(1\.0\), lab-b:zoo\.vit"):
        Registry().adapter_for(a_class("zoo.vit.ViT"))
    assert chosen(a_class("torchvision.models.resnet.ResNet")).startswith("camkit:")


def test_an_adapters_name_is_a_python_path(install: Install) -> None:
    adapters(install, "lab-a", "zoo.my_net", "zoo.my.net")
    assert Registry().find("adapter", "zoo.my_net").status == ""
    with pytest.raises(UnknownName, match=r"Did you mean 'zoo\.my_net'"):
        Registry().find("adapter", "Zoo.My_Net")


def test_an_adapter_registered_from_code_goes_before_a_built_in(install: Install) -> None:
    registry = Registry()
    registry.register(code(camkit_adapters=lambda: [Spec("torchvision.models.resnet", dict)]))
    row = registry.adapter_for(a_class("torchvision.models.resnet.ResNet"))
    assert row is not None
    assert row.load() is dict
