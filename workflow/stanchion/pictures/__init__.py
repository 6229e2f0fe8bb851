"""Pictures of draws, ranks and predictions."""
