"""The one sentence in which solvers refuse a hyperparameter."""


def require(holds: bool, name: str, value: float, bounds: str) -> None:
    """Raise a ValueError that names the hyperparameter, its value and its bounds, unless `holds`."""
    if not holds:
        raise ValueError(f"{name} is {value}; it must be {bounds}")
