"""Forks at random moments of loading, compiling, binding and running; prints what became of them.

`python fork_storm.py warm COUNT SEED`: models that are used for the first time, again and again.
`python fork_storm.py cold COUNT SEED`: a process in which nothing of the library was imported yet.

Every child does what a thread of its parent is doing, by itself, with threads of its own, and in a
child of its own; it exits with 0 if it gets the expected bytes. One that is not done in SECONDS is
ended by its alarm, which the parent counts as a hang.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

SECONDS = 25
AT_ONCE = 4  # children that run at a time
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)  # of threads, from 3.12 on


def fork(work: Callable[[], bool]) -> int:
    """A child that does the work and ends: 0 for True, else 1; the alarm's signal if it hangs."""
    if child := os.fork():
        return child
    code = 1
    try:
        signal.alarm(SECONDS)
        code = 0 if work() else 1
    except BaseException:  # noqa: BLE001  (told by its exit code)
        traceback.print_exc()
    finally:
        os._exit(code)


def outcome(child: int) -> str:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hung" if os.WTERMSIG(status) == signal.SIGALRM else f"signal {os.WTERMSIG(status)}"
    return "right" if status == 0 else "wrong"


def in_threads(work: Callable[[], bool]) -> bool:
    """The work in two threads and this one at once."""
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(work())) for _ in range(2)]
    for thread in threads:
        thread.start()
    answers.append(work())
    for thread in threads:
        thread.join()
    return answers == [True] * 3


def in_a_child(work: Callable[[], bool]) -> bool:
    """The work in a grandchild that is forked while another thread works, and then here."""
    thread = threading.Thread(target=work)
    thread.start()
    grandchild = fork(work)
    here = work()
    thread.join()
    return here and outcome(grandchild) == "right"


WAYS: list[Callable[[Callable[[], bool]], bool]] = [lambda work: work(), in_threads, in_a_child]


def storm(
    count: int, seed: int, rounds: Iterator[tuple[Callable[[], bool], float]]
) -> Counter[str]:
    """Fork `count` times, each at a random moment of work that takes about so many seconds."""
    draw, outcomes, running = random.Random(seed), Counter[str](), list[int]()  # noqa: S311
    for i, (work, longest) in zip(range(count), rounds, strict=False):
        done: list[bool] = []
        thread = threading.Thread(target=lambda work=work, done=done: done.append(work()))
        thread.start()
        time.sleep(draw.random() * longest)
        way = WAYS[i % len(WAYS)]
        running.append(fork(partial(way, work)))
        thread.join()
        outcomes["right" if done == [True] else "wrong in the parent"] += 1
        while len(running) >= AT_ONCE:
            outcomes[outcome(running.pop(0))] += 1
    outcomes.update(map(outcome, running))
    return outcomes


def warm(count: int, seed: int) -> Counter[str]:
    """Loaded and made models by turns, each used for the first time."""
    import numpy as np

    import npfacenet
    from npfacenet.cards import Card
    from npfacenet.layers import BatchNorm, Convolution, Dense, GlobalAveragePool, L2Normalize, ReLU
    from npfacenet.networks import Builder

    build = Builder("tiny", input_shape=(16, 16, 3))
    x = build.add("first", Convolution(8, size=3, stride=2), build.input)
    for i in range(6):  # so that compiling takes as long as the rest
        x = build.add(f"conv{i}", Convolution(8, size=3, padding="same"), x)
        x = build.add(f"relu{i}", ReLU(), build.add(f"norm{i}", BatchNorm(), x))
    x = build.add("dense", Dense(16), build.add("mean", GlobalAveragePool(), x))
    build.add("unit", L2Normalize(), x)
    network = build.network()
    parameters = network.initialise(18)
    card = Card("tiny", None, 16, 16, "unit", None, "drawn", "none")
    pictures = list(np.random.default_rng(18).integers(0, 256, (3, 16, 16, 3), np.uint8))

    def rounds() -> Iterator[tuple[Callable[[], bool], float]]:
        loaded = npfacenet.load()
        expected = loaded.embed(pictures[:2], threads=2, detect=False).values.tobytes()
        held = {name: tensor.tobytes() for name, tensor in loaded.parameters.items()}
        made = npfacenet.Model(network, parameters, card)
        one, many = (
            made.embed(some, threads=2, batch_size=1, detect=False).values.tobytes()
            for some in (pictures[0], pictures)
        )
        digest = made.fingerprint
        again = npfacenet.load()

        def load_and_embed() -> bool:
            model = npfacenet.load()
            return model.embed(pictures[:2], threads=2, detect=False).values.tobytes() == expected

        while True:
            model = npfacenet.Model(network, parameters, card)

            def embed(model: npfacenet.Model = model) -> bool:
                return (
                    model.embed(pictures, threads=2, batch_size=1, detect=False).values.tobytes()
                    == many
                    and model.embed(pictures[0], threads=2, detect=False).values.tobytes() == one
                    and model.fingerprint == digest
                )

            yield embed, 0.006
            yield embed, 0.003
            if draw.random() < 0.02:
                yield load_and_embed, 0.05
                again.embed(pictures[0], detect=False)
                again.plan.__class__  # noqa: B018
                again.parameters.release()  # type: ignore[attr-defined]
                yield lambda: all(again.parameters[n].tobytes() == b for n, b in held.items()), 0.02

    draw = random.Random(seed)  # noqa: S311
    return storm(count, seed, rounds())


def cold(count: int, seed: int) -> Counter[str]:
    """Forks all through a thread's first use of the library: import, load, first picture."""
    path = Path(sys.argv[4])
    expected = path.with_suffix(".bytes").read_bytes()

    def work() -> bool:

        values = npfacenet.load().embed([path, path.read_bytes(), str(path)], threads=2).values
        return values.tobytes() == expected

    import npfacenet

    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    draw, running, outcomes = random.Random(seed), list[int](), Counter[str]()  # noqa: S311
    while len(running) < count:
        time.sleep(draw.random() * 0.03)
        running.append(fork(work))
    thread.join()
    outcomes["right" if done == [True] else "wrong in the parent"] += 1
    outcomes.update(map(outcome, running))
    return outcomes


if __name__ == "__main__":
    storms = {"warm": warm, "cold": cold}
    print(json.dumps(storms[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))))
