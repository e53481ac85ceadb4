"""How many cores a process may use: its affinity, its control groups, the variable."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from npfacenet.errors import ArgumentError
from npfacenet.threads import cores as module
from npfacenet.threads.cores import cores, threads_to_use

WAIT = 30


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestCores:
    @pytest.fixture(autouse=True)
    def no_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NPFACENET_THREADS", raising=False)

    def test_are_those_of_the_machine_at_most(self) -> None:
        assert 1 <= cores() <= (os.cpu_count() or 1)

    @pytest.mark.parametrize(("value", "number"), [("1", 1), ("7", 7), ("04", 4), ("100", 100)])
    def test_or_what_the_variable_says(
        self, value: str, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NPFACENET_THREADS", value)
        assert cores() == number
        assert threads_to_use(None) == number
        assert threads_to_use(2) == 2

    @pytest.mark.parametrize(
        "value",
        ["", " ", "0", "00", "-1", "+2", " 2", "2\n", "1.5", "1_0", "٣", "two", "0x2", "9" * 5000],
        ids=lambda value: ascii(value)[:8],
    )
    def test_a_variable_that_says_no_number_is_named(
        self, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NPFACENET_THREADS", value)
        with pytest.raises(ArgumentError, match="NPFACENET_THREADS") as raised:
            cores()
        assert value.strip()[:80] in str(raised.value)
        assert len(str(raised.value)) < 300
        assert "\n" not in str(raised.value)

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity")
    def test_affinity_counts(self) -> None:
        code = (
            "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
            "from npfacenet.threads.cores import cores; print(cores())"
        )
        assert run(code) == "1"

    def test_without_affinity_the_processors_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(module, "_ROOT", Path("/no such folder"))
        monkeypatch.setattr(os, "cpu_count", lambda: 5)
        assert cores() == 5
        monkeypatch.setattr(os, "cpu_count", lambda: None)
        assert cores() == 1

    @pytest.mark.parametrize(
        ("groups", "files", "allowed"),
        [
            ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
            ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
            ("0::/\n", {"cpu.max": "1000 100000\n"}, 1),
            ("0::/\n", {"cpu.max": "nonsense\n"}, 64),
            ("0::/\n", {}, 64),
            ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
            ("0::/a/b\n", {"a/b/cpu.max": "200000 100000", "a/cpu.max": "300000 100000"}, 2),
            ("0::/the/machine/s\n", {"cpu.max": "400000 100000"}, 4),
            ("0::/../../x\n", {"cpu.max": "400000 100000"}, 4),
            (
                "2:cpu,cpuacct:/d\n0::/\n",
                {"cpu/d/cpu.cfs_quota_us": "250000\n", "cpu/d/cpu.cfs_period_us": "100000\n"},
                3,
            ),
            (
                "1:name=systemd:/\n9:cpu:/d\n",
                {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
                64,
            ),
            ("9:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "1"}, 64),
            ("nonsense\n", {"cpu.max": "100000 100000"}, 64),
            (None, {}, 64),
        ],
    )
    def test_a_quota_of_time_counts(
        self,
        groups: str | None,
        files: dict[str, str],
        allowed: int,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        written = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
        if groups is not None:
            written["proc/self/cgroup"] = groups
        for name, text in written.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "ascii")
        monkeypatch.setattr(module, "_ROOT", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
        assert cores() == allowed

    def test_a_change_of_the_quota_is_seen_a_second_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("proc/self", "sys/fs/cgroup"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text("0::/\n", "ascii")
        quota, now = tmp_path / "sys/fs/cgroup/cpu.max", [1000.0]
        monkeypatch.setattr(module, "_ROOT", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        seen = []
        for moment, cores_allowed in ((1000.0, 3), (1000.5, 5), (1001.0, 7)):
            now[0] = moment
            quota.write_text(f"{cores_allowed}00000 100000", "ascii")
            seen.append(cores())
        assert seen == [3, 3, 7]


def test_threads_are_as_many_as_requested() -> None:
    assert threads_to_use(5) == 5
    assert threads_to_use(None) == cores()


@pytest.mark.parametrize("requested", [0, -1, 1.0, True, "2", np.nan])
def test_threads_that_cannot_be_are_refused(requested: int) -> None:
    with pytest.raises(ArgumentError, match="whole number of at least 1"):
        threads_to_use(requested)
