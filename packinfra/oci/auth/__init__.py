"""Authentication: credentials, the Docker config, Bearer tokens."""
