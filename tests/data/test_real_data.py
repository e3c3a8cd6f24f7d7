"""The genuine data sets, where IBTEACH_DATA has them: all of each, in a fair order, the same when read again."""

import pytest
import torch

from ibteach import records, training
from ibteach.data import datasets, sources
from ibteach.evaluation import attacks


def needs(name, size=None):
    """Skip without the genuine data: they are large, and tests download nothing."""
    path = datasets.cached(name, size=size)
    there = [path, *(path.parent / file for file in (f"{name}.safetensors", sources.SOURCES[name].files[0]))]
    reason = f"{name} is not in {path.parent} (`ibteach data {name}` puts it there)"
    return pytest.mark.skipif(not any(file.exists() for file in there), reason=reason)


def assert_read_again(dataset, **arguments):
    """Read by memory map, every tensor is the same, and so are the statistics when they are computed anew."""
    again = datasets.load(dataset.name.split("-")[0], **arguments)
    assert all(torch.equal(getattr(again, name), getattr(dataset, name)) for name in datasets.TENSORS)
    mean, std = datasets._moments(again.train_images)
    assert torch.equal(mean, dataset.mean) and torch.equal(std, dataset.std)


def assert_fair(labels, tolerance):
    """Among the first 1,000 each class has as many as among all, to that many images."""
    whole, first = labels.bincount() / len(labels), labels[:1000].bincount()
    assert (first - 1000 * whole).abs().max() <= tolerance


@needs("mnist")
def test_the_genuine_mnist():
    mnist = datasets.load("mnist")
    assert repr(mnist) == "Dataset(mnist: 60,000 training and 10,000 test images of 1×28×28, 10 classes)"
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert (mnist.mean / 255).item() == pytest.approx(0.1307, abs=5e-5)
    assert (mnist.std / 255).item() == pytest.approx(0.3081, abs=5e-5)
    assert_read_again(mnist)


@needs("mnist")
def test_the_first_half_of_mnists_test_set_is_nearly_twice_as_hard_as_the_second():
    """By the nearest mean of a class."""
    mnist = datasets.load("mnist")
    train, test = (mnist.normalize(images).flatten(1) for images in (mnist.train_images[:10_000], mnist.test_images))
    means = torch.stack([train[mnist.train_labels[:10_000] == label].mean(0) for label in range(10)])
    wrong = torch.cdist(test, means).argmin(1) != mnist.test_labels
    first, second = wrong.double().unflatten(0, (2, 5000)).mean(1).tolist()
    assert 1.6 < first / second < 2


@needs("cifar10")
def test_the_genuine_cifar10():
    cifar10 = datasets.load("cifar10")
    assert repr(cifar10) == "Dataset(cifar10: 50,000 training and 10,000 test images of 3×32×32, 10 classes)"
    assert cifar10.train_labels.bincount().tolist() == [5000] * 10
    assert cifar10.test_labels.bincount().tolist() == [1000] * 10
    assert cifar10.classes[0] == "airplane" and cifar10.classes[9] == "truck"
    # As published, to the last digit: one pixel that differs by 1 changes the eighth decimal.
    assert cifar10.mean.tolist() == pytest.approx([125.30691805, 122.95039414, 113.86538318], abs=1e-5)
    assert cifar10.std.tolist() == pytest.approx([62.99321928, 62.08870764, 66.70489964], abs=1e-5)
    for labels in (cifar10.train_labels, cifar10.test_labels):
        assert_fair(labels, tolerance=1)
    assert_read_again(cifar10)


@needs("cifar10")
def test_the_network_that_comes_along_reads_photographs_and_loses_them():
    """What chapter 09 tells its reader to do."""
    network = training.load_network("cifar10-resnet")
    trained = records.load("cifar10-trained").select(objective="l2", gamma=0.03)
    how = {"attacks": ["pgd-20x1"], "epsilons": [1 / 255, 2 / 255], "eval_examples": 100, "progress": False}
    found = attacks.robustness(network, datasets.load("cifar10"), trained, **how)
    names = ["clean/error", *(attacks.quantity("any", epsilon) for epsilon in how["epsilons"])]
    clean, one, two = (found.value(name).item() for name in names)
    assert abs(clean - trained.value("test/argmax_error").item()) < 0.1  # three standard errors
    assert clean + 0.4 < one < two - 0.1


@needs("imagenette")
@pytest.mark.parametrize("size", [64, 96])
def test_the_genuine_imagenette(size):
    imagenette = datasets.load("imagenette", size=size)
    counts = "9,469 training and 3,925 test images"
    assert repr(imagenette) == f"Dataset(imagenette-{size}: {counts} of 3×{size}×{size}, 10 classes)"
    assert imagenette.train_labels.bincount().tolist() == [963, 955, 993, 858, 941, 956, 961, 931, 951, 960]
    assert imagenette.test_labels.bincount().tolist() == [387, 395, 357, 386, 409, 394, 389, 419, 399, 390]
    for labels in (imagenette.train_labels, imagenette.test_labels):
        assert_fair(labels, tolerance=1)
    assert_read_again(imagenette, size=size)
