"""The machine below: files, hashes, git, locks, processes, downloads."""
