"""Who is asking: credentials, the Docker config, Bearer tokens."""
