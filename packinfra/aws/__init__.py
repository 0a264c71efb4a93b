"""AWS: the identity, ECR's hosts, tokens and deletes, IAM documents, lifecycle policies."""
