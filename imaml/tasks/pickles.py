"""Arrays in pickles, read without running what a pickle may ask for.

A pickle is a program that calls functions by name. Here the few names that NumPy's arrays need stand for
inert objects of our own, which take apart what they are given; every other name is refused.
"""

import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaml.tasks.dataset import DataError

_WHOLE = re.compile(r"[iu][1248]")
_ORDERS = ("|", "=", "<", ">")


class _Refused(ValueError):
    """Something that arrays of whole numbers do not need; the message says what."""


class Array:
    """An array of whole numbers in a pickle."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Takes NumPy's own state: version, shape, type, whether columns come first, bytes."""
        _, shape, dtype, by_columns, content = state
        self.fill(content, dtype, shape, "F" if by_columns else "C")

    def fill(self, content: Any, dtype: Any, shape: Any, order: Any) -> "Array":
        """Sets the values. Raises _Refused where these do not make an array of whole numbers."""
        if isinstance(content, str):  # of Python 2
            content = content.encode("latin1")
        sound = (
            isinstance(content, bytes | bytearray)
            and isinstance(dtype, _Type)
            and isinstance(shape, tuple)
            and all(type(side) is int and side >= 0 for side in shape)
            and order in ("C", "F")
        )
        if not sound or len(content) != math.prod(shape) * dtype.numpy().itemsize:
            raise _Refused("has an array whose shape, type and content do not go together")
        self._values = np.frombuffer(content, dtype.numpy()).reshape(shape, order=order)
        return self

    def values(self) -> NDArray[Any]:
        """The array itself, read-only."""
        return self._values


class _Type:
    """An array's type."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: Any) -> None:
        if not isinstance(code, str) or not _WHOLE.fullmatch(code):
            raise _Refused(f"has an array of type {str(code)[:20]!r}, and not of whole numbers")
        self._code, self._order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Takes NumPy's own state, of which whole numbers need the byte order alone."""
        if state[1] not in _ORDERS:
            raise _Refused("has an array of an unknown byte order")
        self._order = state[1]

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self._order + self._code)


class _Name:
    """What a pickle gets for one of the names; it can be called, and nothing else done to it."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __setstate__(self, state: object) -> None:
        raise _Refused("sets the state of a function")

    def __call__(self, *arguments: Any) -> Any:
        match self._name, arguments:
            case "dtype", (code, *_):
                return _Type(code)
            case "_reconstruct", (_Name(), _, _):
                return Array()
            case "_frombuffer", (content, dtype, shape, order):
                return Array().fill(content, dtype, shape, order)
            case "encode", (str() as text, "latin1"):
                return text.encode("latin1")
            case _:
                raise _Refused(f"calls {self._name} in a way that NumPy does not")


_NAMES = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _NAMES:
            raise _Refused(
                f"asks for {module_name}.{global_name}, which arrays do not need and which was not run"
            )
        return _Name(global_name)

    def persistent_load(self, pid: Any, /) -> Any:
        raise _Refused("refers to something outside of it")


def read(path: Path) -> Any:
    """What the pickle at `path` holds: numbers, texts, lists, dictionaries and, for each array, an `Array`.

    Raises DataError, which says what was refused, where the pickle asks for more than arrays of whole
    numbers need, and where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _Unpickler(file, encoding="latin1").load()
    except _Refused as error:
        raise DataError(f"{path} {error}; get the file from its authors, or give the images.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    except Exception as error:  # a damaged pickle fails in whichever way the damage leads it to
        raise DataError(f"{path} is no pickle that can be read ({error}); get it again.") from None
