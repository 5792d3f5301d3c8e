"""No request that fails hurts a store in a bucket, be its answer lost or the bucket gone for good."""

import pytest

from tests.buckets import BucketServer
from tests.store.failing_buckets import Failure, Plan, failing_buckets
from tests.store.failing_jobs import exporting

pytestmark = pytest.mark.server
CHANGES = ("run", "promote", "accept", "remove", "migrate")
"""`python -m tests.store.failing_buckets` tries the others too, with every failure at every request; so does
`failing_jobs`, also with links that are fetched."""


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_may_be_lost_and_a_bucket_be_gone_in_any_change(change: str, bucket_server: BucketServer) -> None:
    with failing_buckets(bucket_server) as buckets:
        world = buckets.world(change)
        plans = [Plan(Failure.LOST, world.calls // 2), Plan(Failure.ERROR, world.calls // 2, lasts=True)]
        problems = {plan: buckets.problems(world, plan) for plan in plans}
    assert {plan: what for plan, what in problems.items() if what} == {}


def test_an_export_goes_on_where_its_bucket_failed(bucket_server: BucketServer) -> None:
    with failing_buckets(bucket_server) as buckets:
        job = exporting()
        expected, calls = job.expected(buckets), job.calls(buckets)
        plans = [Plan(Failure.LOST, calls // 2), Plan(Failure.ERROR, calls // 2, lasts=True)]
        problems = {plan: list(job.problems(buckets, plan, expected)) for plan in plans}
    assert {plan: what for plan, what in problems.items() if what} == {}
