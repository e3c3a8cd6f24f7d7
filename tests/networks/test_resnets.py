"""The residual network, and backbones of the user's own: shapes, statistics, and that it learns."""

import functools

import pytest
import torch
from torch import nn

from ibteach import data
from ibteach.errors import InvalidInput, UnknownName
from ibteach.networks.bottleneck import (
    from_architecture,
    from_backbone,
    resnet,
    running_statistics,
    use_running_statistics,
)
from ibteach.networks.resnets import Block, ResNet18
from ibteach.training.loop import Run, build, fit, grid
from ibteach.training.measuring import encode


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def test_it_is_resnet_18_with_pre_activation():
    network = resnet((3, 32, 32), classes=10)
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    shortcuts = [module for module in layers if getattr(module, "kernel_size", None) == (1, 1)]
    assert len(layers) - len(shortcuts) == 18 and len(shortcuts) == 3
    assert sum(p.numel() for p in network.parameters()) == 11_172_170
    stages = sum(2 * (9 * a * a + 9 * a * a) for a in (64, 128, 256, 512)) - sum(
        9 * a * a // 2 for a in (128, 256, 512)
    )
    norms = 2 * (64 * 4 + (64 + 3 * 128) + (128 + 3 * 256) + (256 + 3 * 512) + 512)
    assert 27 * 64 + stages + sum(a * a // 2 for a in (128, 256, 512)) + norms + 512 * 10 + 10 == 11_172_170
    assert network.latent_dimension == 512


def test_a_block_without_residual_is_the_identity():
    """The identity runs through the block untouched: no normalisation or ReLU on it."""
    block = Block(8, 8, 1, nn.BatchNorm2d)
    nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(x), x)


def test_a_block_that_changes_the_shape_convolves_what_is_normalised_and_active():
    block, x = Block(4, 8, 2, nn.BatchNorm2d), torch.randn(2, 4, 6, 6)
    nn.init.zeros_(block.conv2.weight)
    active = torch.relu(nn.functional.batch_norm(x, None, None, training=True))
    expected = nn.functional.conv2d(active, block.shortcut.weight, stride=2)
    assert expected.shape == (2, 8, 3, 3)
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("size", "maps"), [(8, 8), (28, 28), (32, 32), (64, 32), (96, 32), (160, 32)])
def test_the_stem_brings_larger_pictures_down(size, maps):
    network = ResNet18((1, size, size), width=8)
    assert network.stem(torch.zeros(1, 1, size, size)).shape[-2:] == (maps, maps)
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 64)


def test_latents_of_any_dimension():
    network = resnet((3, 32, 32), classes=7, latent_dimension=5, width=8)
    latents, logits = network(torch.zeros(3, 3, 32, 32), torch.zeros(3, 5))
    assert latents.shape == (3, 5) and logits.shape == (3, 7)
    assert repr(from_architecture(network.architecture, (3, 32, 32), 7)) == repr(network)


def test_measuring_neither_uses_nor_changes_the_statistics_of_a_batch(digits):
    network = build(functools.partial(resnet, digits.shape, 10, width=8), Run.of("l2", gamma=0.1))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    together, one = (encode(network, digits, digits.test_images[:n]) for n in (64, 1))
    torch.testing.assert_close(together[:, :1], one)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(module.training for module in network.modules())
    with running_statistics(network):
        assert not network.encoder.norm.training
    assert network.encoder.norm.training and not use_running_statistics(network).encoder.norm.training


def test_group_normalised_networks_are_stacked(digits):
    runs = grid(["variance"], gammas=[0.01, 1.0])
    make_one = functools.partial(resnet, digits.shape, 10, width=8, norm="group")
    sizes = {"epochs": 1, "batch_size": 32, "train_examples": 64, "eval_examples": 40, "progress": False}
    together = fit(build(make_one, runs), digits, runs, **sizes)
    alone = fit(build(make_one, runs[1]), digits, runs[1], **sizes)
    for name in ("test/decoder_cross_entropy", "test/variance"):
        torch.testing.assert_close(together.value(name)[1:], alone.value(name), rtol=1e-2, atol=1e-3)
    with pytest.raises(InvalidInput, match="GroupNorm"):
        build(functools.partial(resnet, digits.shape, 10, width=8), runs)


def test_a_backbone_of_ones_own(digits):
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.BatchNorm1d(12))
    network, run = from_backbone(backbone, digits.shape, 10), Run.of("l2", gamma=0.01)
    assert network.latent_dimension == 12 and int(backbone[2].num_batches_tracked) == 0
    record = fit(network, digits, run, epochs=2, eval_examples=100, progress=False)
    assert record.value("test/argmax_error").item() < 0.3
    for wrong, said in [
        (nn.Linear(9, 2), "does not take images of shape"),
        (nn.Identity(), r"made \(2, 1, 8, 8\) of 2 images, expected features"),
        (lambda x: x, "got function, expected a torch.nn.Module"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            from_backbone(wrong, digits.shape, 10)


def test_bad_input():
    for options, said in [
        ({"inputs": (3, 4, 4)}, "expected at least 8×8"),
        ({"inputs": (3, 32)}, "expected a list or tuple of 3"),
        ({"width": 12, "norm": "group"}, "width: got 12, expected a multiple of 8"),
        ({"width": 0}, "width: got 0"),
        ({"latent_dimension": 0}, "latent_dimension: got 0"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            resnet(**{"inputs": (3, 32, 32), "classes": 10, **options})
    with pytest.raises(UnknownName, match="norm: got 'layer'"):
        resnet((3, 32, 32), 10, norm="layer")


def test_a_narrow_one_overfits_256_photographs():
    """What cannot learn 256 pictures by heart cannot learn."""
    if not data.cached("cifar10").exists() and not data.cached("cifar10").with_name("cifar10.safetensors").exists():
        pytest.skip("CIFAR-10 is not in the cache folder: ibteach data cifar10")
    photographs = data.load("cifar10")
    run = Run.of("l2", gamma=1e-5)
    network = build(functools.partial(resnet, photographs.shape, 10, width=8), run)
    sizes = {
        "epochs": 16,
        "batch_size": 32,
        "measure_every": 16,
        "learning_rate": 0.01,
        "low_precision": True,
        "progress": False,
    }
    record = fit(network, photographs, run, train_examples=256, eval_examples=256, **sizes)
    assert record.value("train/argmax_error", 0).item() > 0.7
    assert record.value("train/argmax_error").item() < 0.02
