"""How good a head is, against whom, and whether it may become champion."""
