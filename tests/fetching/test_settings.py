"""A host's connections are shared out to workers that never speak to each other."""

from hypothesis import given
from hypothesis import strategies as st

from regraft.fetching.settings import share_of_host


@given(st.text(max_size=30), st.integers(1, 64), st.integers(1, 512))
def test_the_workers_shares_of_a_host_sum_to_its_limit(host: str, workers: int, per_host: int) -> None:
    shares = [share_of_host(host, place, workers, per_host) for place in range(workers)]
    assert sum(shares) == per_host
    assert max(shares) - min(shares) <= 1
