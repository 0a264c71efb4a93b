"""The life of cluster profiles."""
