"""Shares in words. Imports nothing."""

from __future__ import annotations


def percent(share: float) -> str:
    """Return a share in per cent with two digits, never a rounded 0 or 100."""
    if share <= 0 or share >= 1:
        return f"{100 * share:.0f} %"
    if share < 0.0001:
        return "< 0.01 %"
    return "> 99 %" if share > 0.99 else f"{100 * share:.2g} %"
