"""What check, diff, create, read, update and delete mean, a folder or module a family. No Pulumi."""
