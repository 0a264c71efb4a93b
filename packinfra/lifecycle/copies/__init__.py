"""The life of a CopiedArtifact."""
