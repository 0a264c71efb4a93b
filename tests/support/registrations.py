"""A registration of each kind."""

from packinfra.palette import Registration

SECRET = "s3cret-of-the-registry"
ROLE = Registration(
    "packs",
    "ecr",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    "base",
    role_arn="arn:aws:iam::123456789012:role/reader",
    external_id="x-1",
)
USER = Registration("packs", "ecr", ROLE.endpoint, "base", access_key_id="AKIAX", secret=SECRET)
BASIC = Registration("packs", "basic", "https://harbor.example.com", "team", username="robot", secret=SECRET)
