"""Few-shot classification as the problem whose meta-gradient is taken."""

from dataclasses import dataclass

from torch import Tensor

from imaml.nets.classifier import Classifier, cross_entropy
from imaml.tasks.episodes import Episodes


@dataclass(frozen=True)
class FewShot:
    """The losses of one episode under a classifier; see `imaml.metagrads.problem.Problem`."""

    classifier: Classifier

    def centre(self, theta: Tensor, task: Episodes) -> Tensor:
        """The centre c(θ, support)."""
        return self.classifier.centre(theta, task.support, task.support_targets)

    def inner_loss(self, phi: Tensor, task: Episodes) -> Tensor:
        """Cross-entropy on the support set, normalised by its own moments."""
        logits, _ = self.classifier.support_logits(phi, task.support, task.support_targets)
        return cross_entropy(logits, task.support_targets)

    def outer_loss(self, phi: Tensor, task: Episodes) -> Tensor:
        """Cross-entropy on the query set, normalised by the support set's moments at φ."""
        return cross_entropy(self.query_logits(phi, task), task.query_targets)

    def query_logits(self, phi: Tensor, task: Episodes) -> Tensor:
        """Logits [queries, ways], each a function of φ, the support set and that one query."""
        _, moments = self.classifier.support_logits(phi, task.support, task.support_targets)
        return self.classifier.query_logits(phi, task.query, moments)

    def transductive_logits(self, phi: Tensor, task: Episodes) -> Tensor:
        """Logits under moments of the query batch itself: the protocol of the papers' code, not servable."""
        logits, _ = self.classifier.support_logits(phi, task.query, task.query_targets)
        return logits
