"""The processes that serve: alike, forked from one that has everything imported, replaced when they die."""

import math
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead

from backend import logs
from backend.app import create_app
from backend.rates import Rates
from backend.settings import Settings

_SECONDS_TO_CLEAN_UP = 3
_STOPS = (signal.SIGINT, signal.SIGTERM)

_log = logs.get_logger()


class ProcessError(Exception):
    """A process that gave up; what it printed says why."""


def run(count: int, settings: Settings, listener: socket.socket) -> None:
    """Serve until a KeyboardInterrupt, and finish the requests under way.

    Several processes have equal parts of the workers, of what may wait and of the memory for adaptations.
    Raises ProcessError where one of several gives up, as it does where it cannot start.
    """
    shared = ("workers", "max_queue", "cached_adaptation_bytes")
    parts = {name: math.ceil(getattr(settings, name) / count) for name in shared}
    rates = Rates(settings.max_requests_per_minute)
    work = partial(_serve, settings.model_copy(update=parts), listener, rates)
    with suppress(KeyboardInterrupt):
        _supervise(count, work) if count > 1 else work()


class _Server(uvicorn.Server):
    """Says that it is not ready, and waits until balancers have noticed, before it takes nothing more."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=settings.stop_seconds)
        )
        self._state = app.state
        self._drain_seconds = settings.drain_seconds
        self._stop_seconds = settings.stop_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: at once for Ctrl-C; a SIGTERM that comes again, as where a group is told, changes nothing."""
        if sig == signal.SIGTERM and self._state.stopping:
            return
        drain_seconds = self._drain_seconds if sig == signal.SIGTERM else 0
        self._state.stopping = True
        super_exit = partial(super().handle_exit, sig, frame)
        # Threads at work cannot be stopped, and Python would wait for them however long they take.
        _after(drain_seconds + self._stop_seconds + _SECONDS_TO_CLEAN_UP, partial(os._exit, 0))
        _after(drain_seconds, super_exit) if drain_seconds else super_exit()


def _after(seconds: float, work: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


def _serve(settings: Settings, listener: socket.socket, rates: Rates) -> None:
    server = _Server(create_app(settings, rates), settings)
    for number in _STOPS:
        signal.signal(number, server.handle_exit)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    server.run(sockets=[listener])


def _supervise(count: int, work: Callable[[], None]) -> None:
    """Have that many processes do it until a KeyboardInterrupt; put another in the place of one that dies."""
    try:
        children = [_start(work) for _ in range(count)]
        while True:
            wait([child.sentinel for child in children])
            children = [child if child.is_alive() else _replace(child, work) for child in children]
    finally:
        children = multiprocessing.active_children()
        for child in children:
            child.terminate()
        for child in children:
            child.join()


def _start(work: Callable[[], None]) -> ForkProcess:
    process = multiprocessing.get_context("fork").Process(target=_work_below_parent, args=(work,))
    # What wants to stop it has to wait: in the middle of a fork an interrupt would be lost, here and there.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    process.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    return process


def _replace(dead: ForkProcess, work: Callable[[], None]) -> ForkProcess:
    """Start another, but not for one that gave up by itself, as it does where it cannot start."""
    assert dead.exitcode is not None
    if dead.exitcode > 0:
        raise ProcessError(f"A process ended with status {dead.exitcode}; what it printed says why.")
    mark_process_dead(dead.pid)
    _log.error("process died", pid=dead.pid, signal=-dead.exitcode)
    return _start(work)


def _work_below_parent(work: Callable[[], None]) -> None:
    """Work until told to stop, or until the parent is no more, even by kill -9."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    work()
