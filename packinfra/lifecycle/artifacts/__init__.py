"""The life of a PublishedArtifact: charts, policies, any files."""
