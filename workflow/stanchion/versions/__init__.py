"""Versions of results: DVC, manifests, tracking, restoring, verifying, differences."""
