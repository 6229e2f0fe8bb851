"""One language for expressions: tokens → tree → checked against names and shapes → NumPy arrays.

Numbers, texts in quotes, names (odd ones in backquotes), labels in brackets, arithmetic,
comparisons, `and`, `or`, `not`, and the functions of the catalogue. Nothing else is in it: no
attribute, no assignment, no Python. What an expression reads is what its environment holds.
"""

from __future__ import annotations
