"""What one fetching process may take: memory that fits the machine, a core, and CPU time for one picture.

A process that takes more ends, and costs one link: its bytes, as any that crash a decoder, are found `truncated`.
"""

import contextlib
import os
import queue
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_MEMORY_SHARE = 0.75
"""Of the machine's memory, that all fetching processes may take together."""
MAX_BYTES = 4 << 30
"""What one takes at most, however large the machine is: pictures under way, and bodies of 20 MB on 64 threads."""
MIN_BYTES = 512 << 20
"""What one needs, however small the machine is."""
STACK_BYTES = 8 << 20
"""Address space of a thread's stack: it counts for the limit, though hardly any of it is ever memory."""
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much memory a container may take, by versions 2 and 1 of its control groups."""
MAX_PICTURE_CPU_S = 30.0
"""CPU seconds that one picture may take. Of 49 million pixels, a progressive JPEG and a flat PNG take half a second."""
EXIT_OVERDUE = 70
"""The exit status of a process in which a picture took longer."""
CHECK_S = 1.0
"""Seconds between two looks at the pictures under way."""


def memory_limit(processes: int, threads: int, machine_bytes: int) -> int:
    """Return the bytes that one of so many processes, with so many threads, may take of a machine's memory."""
    share = int(machine_bytes * MAX_MEMORY_SHARE) // processes
    return max(MIN_BYTES, min(share, MAX_BYTES)) + threads * STACK_BYTES


def pictures_at_a_time(processes: int, cores: int) -> int:
    """Return how many pictures one of so many processes is to judge at a time: one a core.

    More take no less time, as each pushes the others out of the cores' caches.
    """
    return max(1, cores // processes)


def machine_memory() -> int:
    """Return the bytes of memory that this machine, or this container, has."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no such group, or "max": no limit
            sizes.append(int(Path(name).read_text()))
    return min(sizes)


def limit_memory(size: int) -> None:
    """Let this process have no more than so many bytes of data; a lower limit that it has already stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = [size] + [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(allowed), hard))


def keep_to_core(place: int, processes: int) -> None:
    """Where there is a process for each core, keep this thread, and those that it starts, to the core at `place`.

    Threads that share an interpreter mostly take turns; on several cores they move their data from one core's cache to
    another's. Whatever else wants that core goes first (SCHED_BATCH). Only Linux can do so; how the user has it
    scheduled stands.
    """
    with contextlib.suppress(AttributeError, OSError):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) == processes and os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setaffinity(0, {cores[place]})
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@contextlib.contextmanager
def one_core_left() -> Iterator[None]:
    """Leave one core, if there are several, to whoever started this process, while the context lasts.

    That one has much to import as well, and nothing is fetched before it has read its lists. Only Linux can do so.
    """
    cores: set[int] = set()
    with contextlib.suppress(AttributeError, OSError):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(cores)[1:] or cores)
    try:
        yield
    finally:
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setaffinity(0, cores)


class Turns:
    """Lets so many threads at a time into its context.

    A semaphore of Python's does the same, and threads take over from each other half as often again.
    """

    def __init__(self, count: int):
        self._free: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(None)

    def __enter__(self) -> None:
        self._free.get()

    def __exit__(self, *exception: object) -> None:
        self._free.put(None)


class PictureClock:
    """The CPU time of the pictures that this process judges now, each on a thread. Safe to use from many threads."""

    def __init__(self) -> None:
        self._starts: dict[int, float] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count what this thread does while the context lasts as one picture's work."""
        thread = threading.get_ident()
        start_s = time.thread_time()
        with self._lock:
            self._starts[thread] = start_s
        try:
            yield
        finally:
            with self._lock:
                del self._starts[thread]

    def longest_s(self) -> float:
        """Return the CPU seconds of the picture that has taken the most so far; 0 where there is none."""
        with self._lock:  # so that no thread ends while its clock is read
            return max((_thread_cpu_s(thread) - start_s for thread, start_s in self._starts.items()), default=0.0)

    def watch(self, on_overdue: Callable[[], None], max_s: float = MAX_PICTURE_CPU_S) -> None:
        """Call `on_overdue`, from a thread of its own, once a picture has taken more than so many CPU seconds."""
        threading.Thread(target=self._watch, args=(on_overdue, max_s), daemon=True).start()

    def _watch(self, on_overdue: Callable[[], None], max_s: float) -> None:
        while self.longest_s() <= max_s:
            time.sleep(CHECK_S)
        on_overdue()


def _thread_cpu_s(thread: int) -> float:
    """CPU seconds of a running thread of this process."""
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


picture_clock = PictureClock()
"""The clock of this process."""
