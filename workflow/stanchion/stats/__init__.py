"""Arrays → numbers: NumPy and the standard library only, and nothing here touches the disk."""
