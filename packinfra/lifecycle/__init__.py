"""The meaning of check, diff, create, read, update and delete, one folder or module for each family. No Pulumi."""
