"""Glue to Pulumi's provider host: its log, its error format."""
