"""A project of one's own, made from the files that come with the package."""
