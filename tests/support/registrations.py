"""A registration with each kind of credentials."""

from packinfra.palette import Registration
from packinfra.palette.credentials import AccessKeyCredentials, PasswordCredentials, RoleCredentials

SECRET = "s3cret-of-the-registry"
ROLE = Registration(
    "packs",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    "base",
    RoleCredentials("arn:aws:iam::123456789012:role/reader", "x-1"),
)
USER = Registration("packs", ROLE.endpoint, "base", AccessKeyCredentials("AKIAX", SECRET))
BASIC = Registration("packs", "https://harbor.example.com", "team", PasswordCredentials("robot", SECRET))
