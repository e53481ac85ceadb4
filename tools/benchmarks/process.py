"""A process that `bench.py` starts, and times or reads.

usage: process.py serve|first ENGINE FOLDER NETWORK BATCH THREADS   (engines.py)
       process.py files REQUEST                                     (engine_files.py)
       process.py training ENGINE                                   (training_step.py)
       process.py cold-start-files WEIGHTS FOLDER                   (cold_start.py)
       process.py detection ENGINE WEIGHTS PICTURE WARM THREADS     (detection_engines.py)
       process.py detection-files PHOTOGRAPH FOLDER                 (detection_engines.py)
       process.py photograph NETWORK DETECTOR PICTURE WARM THREADS  (photograph_jobs.py)
       process.py photographs NETWORK DETECTOR FOLDER COUNT THREADS (photograph_jobs.py)
       process.py crops FOLDER                                      (photograph_jobs.py)
       process.py photograph-files PHOTOGRAPH FOLDER CROPS          (photograph_jobs.py)
       process.py search ENGINE FOLDER THREADS                      (search_engines.py)
       process.py search-files FOLDER COUNT                         (search_engines.py)
       process.py search-gallery-file FOLDER                        (search_gallery.py)
       process.py search-gallery FOLDER COUNT                       (search_gallery.py)

Each job has a process of its own: idle threads of another engine in the same process would slow
it, and its largest memory would include theirs. Needs npfacenet, as `bench.py` does; detectors and
searches of others have environments of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def main(job: str, *arguments: str) -> None:
    """Do one job, importing only what it needs."""
    if job in ("serve", "first"):
        import engines

        engine, folder, network, batch, threads = arguments
        task = engines.Task(Path(folder), network, int(batch), int(threads))
        (engines.serve if job == "serve" else engines.first)(engine, task)
    elif job == "files":
        import engine_files

        engine_files.write_all(*arguments)
    elif job == "training":
        import training_step

        training_step.serve(*arguments)
    elif job == "cold-start-files":
        import cold_start

        weights, folder = arguments
        cold_start.prepare(weights, Path(folder))
    elif job in ("detection", "detection-files"):
        import detection_engines

        work = detection_engines.serve if job == "detection" else detection_engines.make_pictures
        work(*arguments)
    elif job in ("photograph", "photographs", "crops", "photograph-files"):
        import photograph_jobs

        jobs: dict[str, Callable[..., None]] = {
            "photograph": photograph_jobs.one,
            "photographs": photograph_jobs.many,
            "crops": photograph_jobs.crops,
            "photograph-files": photograph_jobs.make_files,
        }
        jobs[job](*arguments)
    elif job in ("search", "search-files"):
        import search_engines

        (search_engines.serve if job == "search" else search_engines.make_files)(*arguments)
    elif job in ("search-gallery-file", "search-gallery"):
        import search_gallery

        made = job == "search-gallery-file"
        (search_gallery.make_file if made else search_gallery.open_file)(*arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # the checkout stays as it is
    if sys.argv[1:2] in ([], ["-h"], ["--help"]):
        print((__doc__ or "").strip())
    else:
        main(*sys.argv[1:])
