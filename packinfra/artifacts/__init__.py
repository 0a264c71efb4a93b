"""What is pushed: the layers, media types, titles and annotations of each kind of artifact, a module a kind."""
