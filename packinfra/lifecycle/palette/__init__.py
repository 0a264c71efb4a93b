"""The life of what is registered in Palette."""
