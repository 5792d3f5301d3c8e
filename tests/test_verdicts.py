"""Reasons know their verdict, and are plain text to tables, JSON and other processes."""

import hashlib
import json
import pickle

import pandas as pd
import pytest

from regraft.identity import digest_of
from regraft.verdicts import Reason, Verdict


def test_no_reason_is_alive_and_every_other_one_is_dead_or_junk() -> None:
    assert Reason("") is Reason.ALIVE
    assert [reason for reason in Reason if reason.verdict is Verdict.ALIVE] == [Reason.ALIVE]
    assert (Reason.GONE.verdict, Reason.DUPLICATE.verdict) == (Verdict.DEAD, Verdict.JUNK)


def test_only_junk_is_lasting() -> None:
    lasting = {reason for reason in Reason if reason.is_lasting}
    assert lasting == {Reason.NOT_AN_IMAGE, Reason.TRUNCATED, Reason.ANIMATED}
    assert {reason.verdict for reason in lasting} == {Verdict.JUNK}


def test_a_reason_is_found_by_its_text_and_no_other_text() -> None:
    assert all(Reason(str(reason)) is reason for reason in Reason)
    with pytest.raises(ValueError, match="stolen"):
        Reason("stolen")


def test_a_reason_is_its_text_in_json_in_a_table_and_after_another_process() -> None:
    assert (
        json.dumps({"reason": Reason.GONE, "verdict": Reason.GONE.verdict}) == '{"reason": "gone", "verdict": "dead"}'
    )
    assert (pd.Series(["gone", "tls"]) == Reason.GONE).tolist() == [True, False]
    assert pickle.loads(pickle.dumps(Reason.GONE)) is Reason.GONE


def test_a_digest_is_the_sha_256() -> None:
    assert digest_of(b"bytes") == hashlib.sha256(b"bytes").hexdigest()
