"""HTTP: the one room that speaks it, for `oci` and `palette`."""
