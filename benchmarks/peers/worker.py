"""A process that does one side's work on request: a JSON line in, a JSON line out.

`{"do": "run"}` answers with the seconds that one meta-gradient took, `{"do": "gradient", "path": …}` with the
outer loss, and writes the meta-gradient to that file.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import learn2learn_maml, torchopt_implicit
from benchmarks.peers.work import Method, Work


def main() -> None:
    """Answer until the input ends; the arguments are those of `process.start`."""
    peer, folder, device, threads, source = sys.argv[1:]
    torch.set_num_threads(int(threads))
    work = Work.load(Path(folder, "work.pt"), torch.device(device))
    method = torchopt_implicit.method(work) if peer == "torchopt" else learn2learn_maml.method(Path(source))
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line), method, work)), flush=True)


def _answer(request: dict[str, Any], method: Method, work: Work) -> dict[str, float]:
    if request["do"] == "gradient":
        loss, gradient = method(work)
        torch.save([part.cpu() for part in gradient], request["path"])
        return {"loss": loss.item()}
    started = time.perf_counter()
    method(work)
    if work.support.is_cuda:
        torch.cuda.synchronize()
    return {"seconds": time.perf_counter() - started}


main()
