"""Sentences: what happens in which order. Prefect flows and the command line."""

import os

# Set before Prefect or TensorFlow is imported anywhere; what the user has set stands.
for _name, _value in {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # the first start creates its database
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "regraft",
}.items():
    os.environ.setdefault(_name, _value)
