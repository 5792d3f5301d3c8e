"""What libraries write to standard error is discarded, and nothing else is."""

import os

import pytest

from regraft.backbones.stderr import STDERR, muted_stderr


def test_standard_error_is_back_when_the_last_of_two_that_mute_it_ends(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = muted_stderr(), muted_stderr()
    first.__enter__()
    second.__enter__()
    os.write(STDERR, b"of both")
    first.__exit__(None, None, None)
    os.write(STDERR, b"of the second")
    second.__exit__(None, None, None)
    os.write(STDERR, b"news")
    assert capfd.readouterr().err == "news"
