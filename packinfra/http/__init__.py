"""HTTP, spoken in this room alone: one client for `oci` and `palette`. boto3 brings its own."""
