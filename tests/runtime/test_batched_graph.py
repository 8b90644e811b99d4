"""The graph for GPUs: several problems in one call, each as if it were alone, whatever their sizes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import onnxruntime as ort
import pytest
import torch

from imaml.export.bundle import export
from imaml.nets.conv4 import Conv4
from imaml.nets.heads import PrototypeHead
from imaml.nets.predictor import Predictor
from imaml.runtime import devices
from imaml.runtime.adaptation import adapt
from imaml.runtime.batching import Batcher
from imaml.runtime.devices import DeviceError
from imaml.runtime.graphs import BATCH, Graphs, Problem, evaluate_batch
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Support
from imaml.store import Bundle
from tests.models import DESCRIPTION


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A small model with the graph for batches."""
    network = Conv4(filters=8)
    predictor = Predictor(network, PrototypeHead(network.features))
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    made = export(predictor, theta, ["value_and_gradient_batch"])
    return replace(made, description={**DESCRIPTION, **made.description})


@pytest.fixture(scope="module")
def model(bundle: Bundle) -> MetaModel:
    return MetaModel.load(bundle.description, bundle.parameters, bundle.graphs, threads=1)


def support(ways: int, shots: int, seed: int) -> Support:
    images = np.random.default_rng(seed).integers(0, 256, (ways * shots, 1, 28, 28), np.uint8)
    return Support.of(images, [f"{k}" for k in range(ways) for _ in range(shots)])


def problem(model: MetaModel, examples: Support) -> Problem:
    """At the centre."""
    inputs = model.input.to_input(examples.examples)
    centre = model.graphs.centre(model.theta, inputs, examples.targets)
    return Problem(centre.phi, centre.seen, examples.targets)


def test_problems_of_any_number_of_examples_are_evaluated_as_each_alone(
    model: MetaModel, bundle: Bundle
) -> None:
    session = ort.InferenceSession(
        bundle.graphs["value_and_gradient_batch"], providers=["CPUExecutionProvider"]
    )
    for ways in (2, 5):
        problems = [problem(model, support(ways, shots, seed=shots)) for shots in (1, 4, 2)]
        for one, together in zip(problems, evaluate_batch(session, problems), strict=True):
            alone = model.graphs.value_and_gradient(*one)
            for ours, expected in zip(together, alone, strict=True):
                np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_adaptations_side_by_side_are_those_one_after_the_other(model: MetaModel, bundle: Bundle) -> None:
    """As on a GPU, on the CPU: the steps of many threads go through the one graph together."""
    session = devices.session("batch", bundle.graphs["value_and_gradient_batch"], 1, "cpu")
    sessions = model.graphs._sessions
    batcher = Batcher(partial(evaluate_batch, session), BATCH, lambda a, b: a.phi.shape == b.phi.shape)
    batched = replace(model, graphs=Graphs(sessions, batcher))
    supports = [support(2 + index % 2, 1 + index % 3, seed=index) for index in range(10)]
    with ThreadPoolExecutor(10) as pool:
        together = list(pool.map(lambda examples: adapt(batched, examples, model.recipe)[0], supports))
    for examples, adapted in zip(supports, together, strict=True):
        np.testing.assert_allclose(adapted.phi, adapt(model, examples, model.recipe)[0].phi, atol=1e-4)


@pytest.mark.skipif(devices.choose("auto").device == "cuda", reason="there is a GPU")
def test_without_a_gpu_auto_is_the_cpu_and_says_why_and_cuda_is_refused(bundle: Bundle) -> None:
    assert devices.choose("auto").device == "cpu"
    assert "GPU" in (devices.choose("auto").fallback or "")
    assert devices.choose("cpu").fallback is None
    with pytest.raises(DeviceError, match="IMAML_DEVICE is cuda"):
        Graphs.load(bundle.graphs, threads=1, device="cuda")


@pytest.mark.gpu
def test_on_a_gpu_phi_is_that_of_the_cpu(bundle: Bundle, model: MetaModel) -> None:
    on_gpu = MetaModel.load(bundle.description, bundle.parameters, bundle.graphs, threads=1, device="cuda")
    supports = [support(3, 2, seed=index) for index in range(20)]
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(lambda examples: adapt(on_gpu, examples, model.recipe)[0], supports))
    for examples, adapted in zip(supports, together, strict=True):
        np.testing.assert_allclose(adapted.phi, adapt(model, examples, model.recipe)[0].phi, atol=1e-3)
