"""The models that the package brings, so that there is one to adapt before anything is trained."""

import hashlib
from importlib.resources import files

from imaml.store import Store, StoreError

NAMES = ("starter-vectors", "starter")
"""For vectors of 16 numbers, and for drawn characters; the newest model is the one that people see first."""


def load(store: Store) -> None:
    """Store the starter models, shared by all, but for those whose very files are stored already.

    Raises StoreError where the package lacks one.
    """
    for name in NAMES:
        file = files("imaml") / f"{name}.imaml"
        try:
            data = file.read_bytes()
        except OSError as error:
            raise StoreError(
                f"the model {name} is missing ({file}); restore it from the repository or install imaml again"
            ) from error
        with store.transaction() as transaction:
            if not transaction.models.has(name, hashlib.sha256(data).hexdigest()):
                transaction.models.add(name, data, shared=True)
