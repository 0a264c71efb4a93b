"""What is Amazon's own: ECR's hosts, tokens and deletes, the AWS identity, and IAM policy documents as data."""
