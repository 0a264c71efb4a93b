"""The artifacts that are pushed: layers, media types, titles and annotations, one module for each kind."""
