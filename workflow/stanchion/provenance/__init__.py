"""What proves how a result was made: key files, records and the cache of results by key."""
