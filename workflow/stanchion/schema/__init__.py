"""What every section of the declaration is made of, and YAML with its lines."""
