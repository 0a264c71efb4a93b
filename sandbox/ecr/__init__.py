"""A stand-in for ECR: state, control plane (the AWS API) and data plane (``/v2``)."""
