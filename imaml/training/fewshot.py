"""Few-shot learning as the problem whose meta-gradient is taken."""

from dataclasses import dataclass

from torch import Tensor

from imaml.nets.predictor import Predictor
from imaml.tasks.episodes import Episodes


@dataclass(frozen=True)
class FewShot:
    """The losses of one episode under a predictor; see `imaml.metagrads.problem.Problem`."""

    predictor: Predictor

    def centre(self, theta: Tensor, task: Episodes) -> Tensor:
        """The centre c(θ, support)."""
        return self.predictor.centre(theta, task.support, task.support_targets)

    def inner_loss(self, phi: Tensor, task: Episodes) -> Tensor:
        """The loss on the support set, normalised by its own moments."""
        return self.predictor.loss.value(self.inner_outputs(phi, task), task.support_targets)

    def inner_outputs(self, phi: Tensor, task: Episodes) -> Tensor:
        """Outputs [support, outputs], of which the loss is convex."""
        outputs, _ = self.predictor.support_outputs(phi, task.support, task.support_targets)
        return outputs

    def output_curvature(self, outputs: Tensor, task: Episodes, tangent: Tensor) -> Tensor:
        """The Hessian of the loss in the outputs, times a tangent."""
        return self.predictor.loss.hessian_product(outputs, task.support_targets, tangent)

    def outer_loss(self, phi: Tensor, task: Episodes) -> Tensor:
        """The loss on the query set, normalised by the support set's moments at φ."""
        return self.predictor.loss.value(self.query_outputs(phi, task), task.query_targets)

    def query_outputs(self, phi: Tensor, task: Episodes) -> Tensor:
        """Outputs [queries, outputs], each a function of φ, the support set and that one query."""
        _, moments = self.predictor.support_outputs(phi, task.support, task.support_targets)
        return self.predictor.query_outputs(phi, task.query, moments)

    def transductive_outputs(self, phi: Tensor, task: Episodes) -> Tensor:
        """Outputs under moments of the query batch itself: the protocol of the papers' code, not servable."""
        outputs, _ = self.predictor.support_outputs(phi, task.query, task.query_targets)
        return outputs
