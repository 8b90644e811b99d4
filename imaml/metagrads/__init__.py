"""Meta-gradients: from θ and a batch of tasks to the gradient of the outer objective F."""
