"""Everything that Regraft raises on purpose, as one tree: a `RegraftError`, with the exit code of its command.

    RegraftError
     |- ConfigError       the config cannot be understood            exit code 2
     |- ListError         a list cannot be read or has no links      exit code 2
     |- StoreError        the store cannot be read or written        exit code 3
     |   |- LockedError   another run is under way                   exit code 4
     |   '- CorruptError  stored bytes are gone, or not what they were
     |- OutageError       this machine's network is down             exit code 5
     |- TooFewImages      a category has too few images to split     exit code 6
     |- BackboneError     a backbone or its weights are missing      exit code 7
     |   '- CheckpointError   a weights file is damaged or another network's
     |- TrainingError     training failed, or its check did          exit code 8
     |- VersionError      there is no such version, or no champion   exit code 9
     |   '- DamagedVersionError  its files are not what was published
     |- PictureError      an image cannot be predicted on            exit code 10
     |- LinkError         a link is not known                        exit code 11
     |- ServerError       Prefect's server does not answer           exit code 13
     |- WorkerError       the processes that fetch do not start      exit code 14
     '- EngineError       the cluster cannot be used                 exit code 15

A message says what happened, what was expected, what was found, and what to try.
"""


class RegraftError(Exception):
    """Something that Regraft cannot go on from, in words for the person who runs the job."""

    exit_code = 1
    """The exit code of a command that this error ends."""


class ConfigError(RegraftError):
    """The config cannot be understood; nothing was fetched."""

    exit_code = 2


class ListError(RegraftError):
    """A list cannot be read, or holds no link."""

    exit_code = 2


class StoreError(RegraftError):
    """The store cannot be read or written."""

    exit_code = 3


class LockedError(StoreError):
    """Another run holds the store."""

    exit_code = 4


class CorruptError(StoreError):
    """Stored bytes are gone, or are not those that their digest names."""


class OutageError(RegraftError):
    """So many links failed because of this machine that none of them may be marked dead."""

    exit_code = 5


class TooFewImages(RegraftError):
    """A category has too few images to be split into training, validation and test."""

    exit_code = 6


class BackboneError(RegraftError):
    """A backbone is unknown, or its weights are missing."""

    exit_code = 7


class CheckpointError(BackboneError):
    """A weights file is damaged, hostile, or made for another network."""


class TrainingError(RegraftError):
    """The trained head is unusable: it predicts no numbers, or others after it was saved and loaded."""

    exit_code = 8


class VersionError(RegraftError):
    """There is no such version, or no champion yet."""

    exit_code = 9


class DamagedVersionError(VersionError):
    """A version's files are gone, or are not what was published."""


class PictureError(RegraftError):
    """An image to predict on cannot be fetched, read or decoded."""

    exit_code = 10


class LinkError(RegraftError):
    """A link or picture is not known or needs nothing done, or what somebody decided about one cannot be kept."""

    exit_code = 11


class ServerError(RegraftError):
    """Prefect's server does not answer, or stopped answering during a run."""

    exit_code = 13


class WorkerError(RegraftError):
    """The processes that fetch end before they are ready, so that no link can be checked."""

    exit_code = 14


class EngineError(RegraftError):
    """The Dask cluster that a run is to use cannot be used, or lost its workers."""

    exit_code = 15
