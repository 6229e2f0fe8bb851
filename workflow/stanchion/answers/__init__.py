"""What was asked of an analysis, by name: expressions of a fit's draws → values with errors."""
