"""The queue of hosts: they take turns, and none is hurried or holds up another."""

from regraft.fetching.host_queue import HostQueue
from tests.fetching.clock import Clock


def taken(queue: HostQueue[str]) -> list[str]:
    """What may be taken now, in order; nothing of it is done."""
    items = []
    while (pair := queue.poll()) is not None:
        items.append(pair[1])
    return items


def test_hosts_take_turns() -> None:
    queue: HostQueue[str] = HostQueue(lambda host: 1)
    for item in ("a1", "a2", "a3", "b1", "c1"):
        queue.put(item[0], item)
    order = []
    for _ in range(5):
        pair = queue.take()
        order.append(pair[1])
        queue.done(pair[0])
    assert order == ["a1", "b1", "c1", "a2", "a3"]


def test_no_more_of_a_host_is_under_way_than_it_may_have() -> None:
    queue: HostQueue[str] = HostQueue(lambda host: 2)
    for item in ("a1", "a2", "a3", "b1"):
        queue.put(item[0], item)
    assert taken(queue) == ["a1", "b1", "a2"]
    queue.done("a")
    assert taken(queue) == ["a3"]


def test_a_held_host_waits_and_others_do_not() -> None:
    clock = Clock()
    queue: HostQueue[str] = HostQueue(lambda host: 4, clock=clock)
    queue.hold("a", 10)
    queue.put("a", "a1")
    queue.put("b", "b1")
    assert taken(queue) == ["b1"]
    clock.advance(9)
    assert taken(queue) == []
    clock.advance(1)
    assert taken(queue) == ["a1"]


def test_an_item_is_not_taken_before_its_time() -> None:
    clock = Clock()
    queue: HostQueue[str] = HostQueue(lambda host: 4, clock=clock)
    queue.put("a", "later", delay_s=3)
    queue.put("a", "now")
    assert taken(queue) == ["now"]
    clock.advance(3)
    assert taken(queue) == ["later"]


def test_a_paced_host_is_not_hurried() -> None:
    clock = Clock()
    queue: HostQueue[str] = HostQueue(lambda host: 4, pace_s=2, clock=clock)
    queue.set_pace("slow", 5)
    for item in ("1", "2"):
        queue.put("a", f"a{item}")
        queue.put("slow", f"slow{item}")
    assert taken(queue) == ["a1", "slow1"]
    clock.advance(2)
    assert taken(queue) == ["a2"]
    clock.advance(2)
    assert taken(queue) == []
    clock.advance(1)
    assert taken(queue) == ["slow2"]


def test_a_host_that_is_slowed_down_is_asked_one_by_one_until_that_ends() -> None:
    clock = Clock()
    queue: HostQueue[str] = HostQueue(lambda host: 9, clock=clock)
    for number in range(6):
        queue.put("a", f"a{number}")
    queue.slow_down("a", 2)
    assert taken(queue) == []
    clock.advance(2)
    assert taken(queue) == ["a0"]
    clock.advance(2)
    assert taken(queue) == ["a5"], "the first and the last by turns"
    queue.put("a", "a0 again", delay_s=1)
    clock.advance(2)
    assert taken(queue) == ["a0 again"]
    clock.advance(2)
    assert taken(queue) == ["a4"]
    queue.slow_down("a", 0)
    clock.advance(2)
    assert taken(queue) == ["a1", "a2", "a3"]


def test_a_drained_host_has_nothing_left_but_what_comes_later() -> None:
    clock = Clock()
    queue: HostQueue[str] = HostQueue(lambda host: 9, clock=clock)
    for item in ("a1", "a2", "b1"):
        queue.put(item[0], item)
    queue.put("a", "later", delay_s=3)
    assert queue.drain("a") == ["a1", "a2"]
    assert queue.drain("nobody") == []
    assert taken(queue) == ["b1"]
    clock.advance(3)
    assert taken(queue) == ["later"]


def test_what_goes_last_waits_for_all_hosts_and_keeps_to_the_same_limits() -> None:
    clock = Clock()
    queue: HostQueue[str] = HostQueue(lambda host: 2, clock=clock)
    queue.put("a", "a-last", is_last=True)
    queue.put("c", "c-last", is_last=True, delay_s=5)
    for item in ("a1", "b1", "b2", "b3"):
        queue.put(item[0], item)
    assert taken(queue) == ["a1", "b1", "b2", "a-last"]
    queue.put("a", "a2")
    queue.put("a", "a-last-2", is_last=True)
    assert taken(queue) == [], "two are under way at each host"
    queue.done("a")
    queue.done("a")
    clock.advance(5)
    assert taken(queue) == ["a2", "c-last", "a-last-2"]
