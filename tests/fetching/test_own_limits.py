"""A fetching process takes no more memory than fits the machine, and a picture no more CPU time than is reasonable."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from regraft.fetching.own_limits import (
    MAX_BYTES,
    MIN_BYTES,
    STACK_BYTES,
    PictureClock,
    Turns,
    keep_to_core,
    machine_memory,
    memory_limit,
    one_core_left,
    pictures_at_a_time,
)

GIB = 1 << 30


@pytest.mark.parametrize(
    ("processes", "machine_bytes", "limit"),
    [(2, 4 * GIB, 3 * GIB // 2), (1, 64 * GIB, MAX_BYTES), (8, GIB, MIN_BYTES)],
    ids=["a share of the machine", "never more than is of use", "never less than it needs"],
)
def test_processes_share_the_machine(processes: int, machine_bytes: int, limit: int) -> None:
    assert memory_limit(processes, 0, machine_bytes) == limit
    assert memory_limit(processes, 32, machine_bytes) == limit + 32 * STACK_BYTES


@pytest.mark.parametrize(("processes", "cores", "pictures"), [(2, 2, 1), (1, 8, 8), (3, 8, 2), (8, 2, 1)])
def test_all_processes_together_judge_a_picture_a_core(processes: int, cores: int, pictures: int) -> None:
    assert pictures_at_a_time(processes, cores) == pictures


def test_so_many_threads_at_a_time_have_their_turn_also_after_an_error() -> None:
    turns, everybody = Turns(2), threading.Barrier(2)
    inside, most = set[int](), list[int]()

    def judge(number: int) -> None:
        with contextlib.suppress(ValueError), turns:
            inside.add(number)
            everybody.wait(60)  # two are in, always
            most.append(len(inside))
            everybody.wait(60)
            inside.remove(number)
            raise ValueError

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(judge, range(8)))
    assert most == [2] * 8


def test_the_machine_has_memory() -> None:
    assert 100 << 20 < machine_memory() < 1 << 50


CORES = sorted(os.sched_getaffinity(0))


def cores_kept_to(place: int, processes: int, policy: int = os.SCHED_OTHER) -> tuple[set[int], int]:
    """The cores of a thread of a scheduling policy after `keep_to_core`, and its policy then."""
    kept = list[tuple[set[int], int]]()

    def keep() -> None:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        keep_to_core(place, processes)
        kept.append((os.sched_getaffinity(0), os.sched_getscheduler(0)))

    thread = threading.Thread(target=keep)
    thread.start()
    thread.join()
    return kept[0]


def test_of_as_many_processes_as_cores_each_keeps_to_its_own_and_lets_others_go_first() -> None:
    kept = [cores_kept_to(place, len(CORES)) for place in range(len(CORES))]
    assert kept == [({core}, os.SCHED_BATCH) for core in CORES]


@pytest.mark.parametrize("processes", [len(CORES) - 1, len(CORES) + 1], ids=["fewer", "more"])
def test_of_fewer_or_more_processes_none_keeps_to_a_core(processes: int) -> None:
    assert cores_kept_to(0, processes) == (set(CORES), os.SCHED_OTHER)


def test_a_policy_that_the_user_has_chosen_stands() -> None:
    assert cores_kept_to(0, len(CORES), os.SCHED_BATCH) == (set(CORES), os.SCHED_BATCH)


@pytest.mark.parametrize("cores", [CORES, CORES[:1]], ids=["all", "one"])
def test_while_a_process_imports_it_leaves_a_core_to_whoever_started_it(cores: list[int]) -> None:
    def kept() -> list[set[int]]:
        os.sched_setaffinity(0, cores)
        with one_core_left():
            inside = os.sched_getaffinity(0)
        return [inside, os.sched_getaffinity(0)]

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(kept).result() == [set(cores[1:] or cores), set(cores)]


def test_where_no_core_can_be_left_a_process_imports_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: int, cores: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with one_core_left():
        pass
    monkeypatch.delattr(os, "sched_getaffinity")
    with one_core_left():
        pass


def test_a_process_cannot_take_more_than_its_limit() -> None:
    script = """
from regraft.fetching.own_limits import limit_memory
limit_memory(300 << 20)
limit_memory(900 << 20)
try:
    bytearray(400 << 20)
except MemoryError:
    print("refused")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "refused\n"


def work(cpu_s: float) -> None:
    """Take so many CPU seconds of this thread."""
    began = time.thread_time()
    while time.thread_time() - began < cpu_s:
        pass


def test_a_picture_that_takes_too_much_cpu_time_is_noticed() -> None:
    clock, overdue = PictureClock(), threading.Event()
    clock.watch(overdue.set, max_s=0.05)

    def judge_for_long() -> None:
        with clock.running():
            work(0.1)
            overdue.wait()

    judging = threading.Thread(target=judge_for_long)
    judging.start()
    assert overdue.wait(60)
    judging.join()
    assert clock.longest_s() == 0


def test_time_that_a_picture_waits_does_not_count() -> None:
    clock, has_begun, ended = PictureClock(), threading.Event(), threading.Event()

    def wait() -> None:
        with clock.running():
            has_begun.set()
            ended.wait()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert has_begun.wait(60)
    work(0.2)
    assert clock.longest_s() < 0.1
    ended.set()
    waiting.join()
