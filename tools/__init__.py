"""The programs behind `make`. Most run before anything is installed, so they use only the standard library."""
