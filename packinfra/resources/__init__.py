"""The Pulumi side: components that declare, and the dynamic provider that publishes. The only room that imports Pulumi."""
