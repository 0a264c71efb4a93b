"""The life of a PublishedPack."""
