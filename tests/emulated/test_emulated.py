"""On a machine with an accelerator every chapter runs: devices are not mixed, and none is asked for a float64 it lacks.

Without flags chapters 03, 06 and 09 as on a GPU, every training one epoch long; ``python -m pytest tests/emulated
--every-chapter`` runs all from 03 on as they are, as on a GPU and as on Apple's MPS. Each takes a process of its own: a
device stays for good.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import device
import pytest
import torch

HERE = Path(__file__).parent
NOTEBOOKS = {path.name[:2]: path for path in sorted((HERE.parents[1] / "notebooks").glob("0[3-9]*.ipynb"))}
ALWAYS = {("gpu", "03"), ("gpu", "06"), ("gpu", "09")}

BEGIN = """
import sys
from pathlib import Path

import torch
from device import leave, load

load(Path(sys.argv[1]), float64=sys.argv[2] == "gpu")
"""

REFUSED = """
there = torch.randn(3, 4).to("emulated")
torch.nn.Linear(4, 2).to("emulated")(there).log_softmax(-1).mean().backward()
for mixed in (
    lambda: there @ torch.ones(4, 2),
    lambda: torch.ones(3)[there[:, 0].long()],
    lambda: torch.randn(3, device="emulated", generator=torch.Generator()),
    lambda: there.numpy(),
    *([lambda: there.double()] if sys.argv[2] == "mps" else []),
):
    try:
        mixed()
    except (RuntimeError, TypeError) as refused:
        print(refused)
    else:
        sys.exit("not refused")
leave()
"""

TABLES = """
from ibteach.bottleneck.clustering import agglomerative, sequential
from ibteach.bottleneck.contraction import critical_beta
from ibteach.bottleneck.curve import envelope, solve_squared
from ibteach.bottleneck.gaussian import GaussianBottleneck
from ibteach.bottleneck.lagrangian import lagrangian, unified
from ibteach.bottleneck.tabular import solve
from ibteach.information.discrete import Joint, kl_divergence
from ibteach.information.estimators import kozachenko_leonenko, ksg, ross

joint, rows, beta = torch.tensor([[0.25, 0.125], [0.125, 0.5]]), [[0.75, 0.25], [0.25, 0.75]], torch.tensor([2.0, 8.0])
points, labels = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
for value in (
    lambda to: solve(to(joint), to(beta)).objective,
    lambda to: solve(to(joint), to(beta), 0.0).objective,
    lambda to: agglomerative(to(joint), to(beta)).objective,
    lambda to: sequential(to(joint), 2, to(beta)).objective,
    lambda to: solve_squared(to(joint), to(beta)).objective,
    lambda to: critical_beta(to(joint)),
    lambda to: envelope(to(beta), to(beta))[0],
    lambda to: GaussianBottleneck(to(joint), 1).rate(to(beta)),
    lambda to: GaussianBottleneck(to(joint), 1).relevance_at(to(beta)),
    lambda to: lagrangian(to(joint), rows, beta),
    lambda to: lagrangian(joint, rows, to(beta)),
    lambda to: unified(joint, to(torch.tensor(rows)), beta),
    lambda to: Joint(to(joint), "X Y").encode("Z|X", rows).I("Y;Z"),
    lambda to: kl_divergence(to(joint[0] / 0.375), rows[0]),
    lambda to: kozachenko_leonenko(to(points)),
    lambda to: ksg(to(points), to(points[:, 0])),
    lambda to: ross(to(points), to(labels)),
):
    there, here = (torch.as_tensor(value(to)).cpu() for to in (lambda t: t.to("emulated"), lambda t: t))
    torch.testing.assert_close(there, here)
leave()
"""

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="session")
def library(request):
    """The built device, kept for this torch and this source."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None or sys.platform == "win32":
        pytest.skip("needs a C++ compiler for the emulated device: c++, g++ or clang++, not on Windows")
    of = f"{torch.__version__} {(HERE / 'device.cpp').read_text('utf-8')}"
    path = request.config.cache.mkdir("emulated") / f"{hashlib.sha256(of.encode()).hexdigest()[:16]}.so"
    if not path.exists():
        device.build(compiler, path)
    return path


def run(*command):
    done = subprocess.run([sys.executable, *command], cwd=HERE, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"


@pytest.mark.parametrize("kind", ["gpu", "mps"])
def test_the_device_refuses_what_such_a_device_refuses(library, kind):
    run("-c", BEGIN + REFUSED, str(library), kind)


@pytest.mark.parametrize("kind", ["gpu", "mps"])
def test_tables_and_samples_may_lie_on_a_device(library, kind):
    """Beside lists and tensors that do not."""
    run("-c", BEGIN + TABLES, str(library), kind)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["gpu", "mps"])
@pytest.mark.parametrize("chapter", NOTEBOOKS)
def test_chapter(request, library, kind, chapter):
    whole = request.config.getoption("--every-chapter", False)
    if not whole and (kind, chapter) not in ALWAYS:
        pytest.skip("for a job of its own: python -m pytest tests/emulated --every-chapter")
    run(*([] if whole else ["-O"]), "chapters.py", str(library), kind, str(NOTEBOOKS[chapter]))
