"""Our flat vectors as the tensors that the peers' network takes, with channels first."""

from torch import Tensor

from imaml.nets.predictor import Predictor


def network_weights(predictor: Predictor, vector: Tensor) -> list[Tensor]:
    """The network's part of θ, of φ, or of a gradient in one of them."""
    layout = predictor.network.layout
    parts = layout.unpack(vector[: layout.size]).values()
    return [part.movedim(3, 1).contiguous() if part.ndim == 4 else part for part in parts]


def unpack(predictor: Predictor, phi: Tensor) -> list[Tensor]:
    """All of φ, or of a gradient in it: the network's part, the head's matrix and its bias."""
    network = network_weights(predictor, phi)
    rows = phi[predictor.network.layout.size :].reshape(-1, predictor.network.features + 1)
    matrix = rows[:, :-1].unflatten(1, (-1, len(network[-1])))  # [ways, pixels, channels]
    return [*network, matrix.transpose(1, 2).flatten(1), rows[:, -1]]
