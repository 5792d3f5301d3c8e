"""How good a candidate is, against whom, and whether it becomes champion."""
