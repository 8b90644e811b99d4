"""Arrays of whole numbers are read as NumPy wrote them, and a pickle that asks for more runs nothing."""

import builtins
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaml.tasks.dataset import DataError
from imaml.tasks.pickles import Array, read

ARRAYS = [
    np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    np.asfortranarray(np.arange(24, dtype=np.uint8).reshape(4, 6)),
    np.arange(-3, 4),
    np.arange(5, dtype=">i4"),
    np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::3],
]


class Call:
    """Something whose pickle makes a reader call `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


def written(path: Path, content: bytes) -> Path:
    """The file, with this content."""
    (path / "file.pkl").write_bytes(content)
    return path / "file.pkl"


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol_are_read(tmp_path: Path, array: np.ndarray, protocol: int) -> None:
    held = read(written(tmp_path, pickle.dumps({"data": array, "rest": [1, "two"]}, protocol)))
    assert held["rest"] == [1, "two"]
    assert isinstance(held["data"], Array)
    values = held["data"].values()
    assert values.dtype == array.dtype
    assert np.array_equal(values, array)


def test_arrays_of_python_2_are_read(tmp_path: Path) -> None:
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x03\x01\x80\xfftb."
    )
    assert read(written(tmp_path, content)).values().tolist() == [1, 128, 255]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Call(os.system, "touch {}"), "system"),
        (Call(eval, "open('{}', 'w')"), "eval"),
        (Call(exec, "open('{}', 'w')"), "exec"),
        (Call(open, "{}", "w"), "io.open"),
        (Call(getattr, "text", "upper"), "getattr"),
        (Call(np.fromfile, "{}"), "fromfile"),
        (OrderedDict(a=1), "collections.OrderedDict"),
        (np.float64(1), "scalar"),
        (builtins.print, "print"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_other_names_are_refused_and_not_run(tmp_path: Path, call: Any, name: str, protocol: int) -> None:
    mark = tmp_path / "ran"
    if isinstance(call, Call):
        function, arguments = call.reduced
        call = Call(function, *(text.format(mark) for text in arguments))
    with pytest.raises(DataError, match=rf"file\.pkl asks for .*{name}.*was not run; .*\.$"):
        read(written(tmp_path, pickle.dumps({"image_data": call}, protocol)))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([Call(os.system, "false")]), "'O"),
        (np.array([None]), "'O"),
        (np.array([1.5]), "'f8'"),
        (np.array(["text"]), "'U4'"),
        (np.array([1], "m8[s]"), "'m8'"),
        (np.array([(1, 2)], [("a", "u1"), ("b", "u1")]), "'V2'"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_arrays_of_other_types_are_refused(
    tmp_path: Path, array: np.ndarray, kind: str, protocol: int
) -> None:
    with pytest.raises(DataError, match=rf"array of type {kind}|asks for .*system"):
        read(written(tmp_path, pickle.dumps(array, protocol)))


DTYPE = b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1I00\nI01\ntR"
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (EMPTY + b"(I1\n(I4\nt" + DTYPE + b"I00\nC\x03abctb.", "do not go together"),
        (EMPTY + b"(I1\n(I-1\nI-3\nt" + DTYPE + b"I00\nC\x03abctb.", "do not go together"),
        (EMPTY + b"(I1\n(I3\ntNI00\nC\x03abctb.", "do not go together"),
        (DTYPE + b"(I3\nX\x01\x00\x00\x00?NNNI-1\nI-1\nI0\ntb.", "unknown byte order"),
        (b"cnumpy\ndtype\n}X\x01\x00\x00\x00xI1\nsb.", "sets the state of a function"),
        (b"cnumpy\nndarray\n(I3\ntR.", "calls ndarray in a way that NumPy does not"),
        (b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00zip64tR.", "calls encode"),
        (b"cnumpy\ndtype\n)\x81.", "no pickle that can be read"),
        (b"Pelsewhere\n.", "refers to something outside"),
        (b"\x82\x01.", "no pickle that can be read"),
        (b"", "no pickle that can be read"),
        (b"not a pickle", "no pickle that can be read"),
        (pickle.dumps(np.arange(9))[:-20], "no pickle that can be read"),
    ],
)
def test_what_numpy_does_not_write_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=rf"file\.pkl .*{reason}"):
        read(written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.pkl cannot be read"):
        read(tmp_path / "nowhere.pkl")
