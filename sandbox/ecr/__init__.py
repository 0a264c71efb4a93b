"""An ECR that keeps its rules: state, control plane (the AWS API) and data plane (``/v2``)."""
