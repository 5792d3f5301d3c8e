"""Real labels learnt from features, by our head and by its rivals: the part `labels` of learning.py.

REGRAFT_WEB=... python tests/benchmarks/labels.py
"""

from learning import main

if __name__ == "__main__":
    main(["labels"])
