"""From a declaration to fits and steps with keys."""
