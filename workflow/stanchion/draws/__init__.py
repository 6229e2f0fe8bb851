"""Stan CSV → arrays → DataTree → netCDF, and back to arrays."""
