"""No request that fails hurts a store in a bucket, be its answer lost or the bucket gone for good."""

import pytest

from tests.buckets import BucketServer
from tests.store.failing_buckets import Failure, Plan, failing_buckets

pytestmark = pytest.mark.server
CHANGES = ("run", "promote", "accept", "remove")
"""`python -m tests.store.failing_buckets` tries the others too, with every failure at every request."""


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_may_be_lost_and_a_bucket_be_gone_in_any_change(change: str, bucket_server: BucketServer) -> None:
    with failing_buckets(bucket_server) as buckets:
        world = buckets.world(change)
        plans = [Plan(Failure.LOST, world.calls // 2), Plan(Failure.ERROR, world.calls // 2, lasts=True)]
        problems = {plan: buckets.problems(world, plan) for plan in plans}
    assert {plan: what for plan, what in problems.items() if what} == {}
