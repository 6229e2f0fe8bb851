"""Arrays → numbers that no library has, and guards before those of ArviZ; no disk."""
