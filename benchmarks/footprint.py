"""What a running service takes: time until it is ready, memory, and whether memory grows with use."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

from benchmarks import starter
from benchmarks.adaptation import drawings
from benchmarks.load import Connection, Request
from benchmarks.plot import line_chart
from benchmarks.report import Record, Report
from benchmarks.service import Server, api
from benchmarks.serving import adapting, predicting
from benchmarks.setting import Setting
from benchmarks.timing import spread

WAYS, SHOTS = 5, 1
REQUESTS, WARM_UP = 20_000, 2_000
CYCLE = ("adapt", *["predict"] * 17, "forget", "list")
"""What each client asks for, again and again."""

CLIENTS, KEPT = 4, 10
"""A client forgets its oldest adaptation once it has more than so many."""

BATCH = 500
"""Requests between two looks at the memory."""

MIB = 2**20


def run(setting: Setting) -> Report:
    """Start it several times, then use it."""
    model = starter.FILE.read_bytes()
    ready, loaded = list[float](), list[float]()
    for _ in range(setting.rounds):
        setting.say("footprint: starting")
        with api(model) as server:
            ready.append(server.start_seconds)
            loaded.append(max(server.resident_bytes) / MIB)
    with api(model) as server:
        memory = use(server, setting)
    after_warm_up, end = memory[WARM_UP // BATCH - 1][1], memory[-1][1]
    rows: list[Record] = [
        {"benchmark": "from process start to ready (s)", **spread("value", ready)},
        {"benchmark": "memory of the process with a model loaded (MiB)", **spread("value", loaded)},
        {"benchmark": f"memory of all processes after {WARM_UP:,} requests (MiB)", "value": after_warm_up},
        {"benchmark": f"memory of all processes after {REQUESTS:,} requests (MiB)", "value": end},
        {"benchmark": "their ratio", "value": end / after_warm_up},
    ]
    notes = [
        "`imaml serve` with the starter model on SQLite; memory is the resident size of its processes, one "
        "for each core and one that watches over them; what they share counts for each. Ready: `/readyz` "
        f"answers 200, for which the process that answers loads the model. {setting.rounds} starts.",
        f"Requests: {CLIENTS} clients; of each 20 requests one adapts ({WAYS}-way {SHOTS}-shot), 17 predict, "
        f"one lists and one deletes the client's oldest adaptation (of {KEPT}). Any failure would end it.",
    ]
    chart = line_chart("Memory of the service", "requests", "MiB", {"resident": memory}, linear=True)
    return Report("Start and memory of the service", rows, notes, {"footprint": chart})


def use(server: Server, setting: Setting) -> list[tuple[float, float]]:
    """Send the requests; how many were sent and the MiB that all processes take up then, again and again."""
    memory: list[tuple[float, float]] = []
    clients = [_client(server.port) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for sent in range(BATCH, REQUESTS + 1, BATCH):
            list(pool.map(_advance, clients))
            memory.append((sent, sum(server.resident_bytes) / MIB))
            if sent % (10 * BATCH) == 0:
                setting.say(f"footprint: {sent:,} of {REQUESTS:,} requests")
    return memory


def _advance(client: Iterator[object]) -> None:
    for _ in range(BATCH // CLIENTS):
        next(client)


def _client(port: int) -> Iterator[None]:
    """Sends one request with each step. Raises ValueError where one does not succeed."""
    support = drawings(WAYS, SHOTS)
    adapt = adapting(support, starter.trainers_recipe(starter.bundle()))
    connection = Connection(port)
    kept: deque[str] = deque()
    for kind in cycle(CYCLE):
        if kind == "adapt":
            kept.append(connection.json(adapt)["id"])
        elif kind == "predict":
            connection.json(predicting(kept[-1], support))
        elif kind == "list":
            connection.json(Request("GET", "/v1/adaptations"))
        elif len(kept) > KEPT:  # from the first deletion on, as many as are made
            connection.json(Request("DELETE", f"/v1/adaptations/{kept.popleft()}"))
        yield
