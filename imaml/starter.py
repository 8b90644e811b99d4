"""The model that the package brings, so that there is one to adapt before anything is trained."""

import hashlib
from importlib.resources import files

from imaml.store import Store, StoreError

NAME = "starter"
_FILE = files("imaml") / "starter.imaml"


def load(store: Store) -> None:
    """Store the starter model, shared by all, unless this very file is stored already.

    Raises StoreError where the package lacks it.
    """
    try:
        data = _FILE.read_bytes()
    except OSError as error:
        raise StoreError(
            f"the starter model is missing ({_FILE}); restore it from the repository or install imaml again"
        ) from error
    with store.transaction() as transaction:
        if not transaction.models.has(NAME, hashlib.sha256(data).hexdigest()):
            transaction.models.add(NAME, data, shared=True)
