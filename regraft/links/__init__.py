"""The links of the lists: read, remembered between runs, fetched again when their time has come, and how they rot."""
