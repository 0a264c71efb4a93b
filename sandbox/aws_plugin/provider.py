# ruff: noqa: N802  (the protocol names the methods)
"""The engine's provider protocol, driven by the tables of kinds and invokes."""

import functools
import importlib.metadata
import json
from collections.abc import Callable
from typing import Any

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.aws_plugin import ecr_kinds, iam_kinds, kms_kinds, session, user_kinds
from sandbox.aws_plugin.errors import EngineLog, PartialFailureError, RefusedError, StandInError, refused
from sandbox.aws_plugin.invokes import INVOKES
from sandbox.aws_plugin.kinds import ALL_TAGS, Kind, is_gone
from sandbox.aws_plugin.session import Aws, ConfigurationError
from sandbox.aws_plugin.values import (
    UNKNOWN,
    Json,
    from_struct,
    has_unknown,
    is_empty,
    normalised,
    to_struct,
)

KINDS = {**ecr_kinds.KINDS, **iam_kinds.KINDS, **kms_kinds.KINDS, **user_kinds.KINDS}
DEFAULTS = "__defaults"  # the names of the inputs that the provider added, as in the Terraform bridge


def _readable(method: Callable[..., Any]) -> Callable[..., Any]:
    """Errors reach the user as one readable text, never as a traceback."""

    @functools.wraps(method)
    def call(self: "Provider", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request)
        except RefusedError as error:
            self.log.show(request.urn, error.text)
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except PartialFailureError as error:
            self.log.show(request.urn, error.text)
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
            status.details.add().Pack(error.detail)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except (ConfigurationError, StandInError, ClientError, BotoCoreError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # a bug of the stand-in; values could have secrets, so only the type is shown
            context.abort(grpc.StatusCode.UNKNOWN, f"the stand-in AWS plugin failed: {type(error).__name__}")

    return call


def _kind(token: str) -> Kind:
    try:
        return KINDS[token]
    except KeyError:
        raise StandInError(f"the stand-in AWS plugin has no {token}; it has: {', '.join(sorted(KINDS))}") from None


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, engine: str = "") -> None:
        """engine: its address"""
        self.log = EngineLog(engine)
        self._aws: Aws | None = None
        self._config: Json = {}

    @property
    def aws(self) -> Aws:
        if self._aws is None:
            raise StandInError("the AWS provider is not configured yet: its configuration is not known before `up`")
        return self._aws

    @_readable
    def GetPluginInfo(self, _: empty_pb2.Empty) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi_aws"))

    # ---- configuration --------------------------------------------------------------------------------------------

    @_readable
    def CheckConfig(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        config = from_struct(request.news)
        reasons = [f"the stand-in AWS plugin does not have aws:{key}" for key in sorted({*config} - session.KEYS)]
        if not reasons:
            try:
                self._configure(config)
            except ConfigurationError as error:
                reasons = [str(error)]
        failures = [provider_pb2.CheckFailure(reason=reason) for reason in reasons]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    @_readable
    def DiffConfig(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        """Without a reported change the engine would use the configuration of the state."""
        old, new = from_struct(request.olds), from_struct(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        # Nothing here replaces: another region reaches each resource as its own input (PLUG-21).
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed)

    @_readable
    def Configure(self, request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:
        self._configure(from_struct(request.args))
        if self._aws:
            self._aws.guard_account()
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def _configure(self, config: Json) -> None:
        if has_unknown(config):  # an explicit provider may get its configuration from other resources
            self._aws = None
        elif self._aws is None or config != self._config:
            self._aws, self._config = Aws(session.parse(config)), config

    # ---- lookups --------------------------------------------------------------------------------------------------

    @_readable
    def Invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:
        if request.tok not in INVOKES:
            raise StandInError(f"the stand-in AWS plugin has no {request.tok}; it has: {', '.join(sorted(INVOKES))}")
        response = INVOKES[request.tok](self.aws, from_struct(request.args))
        return provider_pb2.InvokeResponse(**{"return": to_struct(response)})  # type: ignore[arg-type]

    # ---- resources ------------------------------------------------------------------------------------------------

    @_readable
    def Check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        kind, olds, news = _kind(request.type), from_struct(request.olds), from_struct(request.news)
        news.pop(DEFAULTS, None)
        failures = [
            provider_pb2.CheckFailure(property=key, reason=reason)
            for key, reason in [
                *((key, f"{kind.title} has no input {key}") for key in news if key not in kind.inputs + kind.absent),
                *((key, f"the stand-in AWS plugin does not have {key}") for key in news if key in kind.absent),
                *((key, f"missing required input {key}") for key in kind.required if is_empty(news.get(key))),
                *((path, f"{text}. Examine values at '{request.name}.{path}'.") for path, text in kind.invalid(news)),
            ]
        ]
        for key in kind.documents:
            if isinstance(news.get(key), dict | list):
                news[key] = UNKNOWN if has_unknown(news[key]) else json.dumps(news[key])
        defaults = {key: value for key, value in kind.defaults.items() if key not in news}
        if kind.named and "name" not in news:
            was_generated = "name" in (olds.get(DEFAULTS) or [])
            defaults["name"] = (
                olds["name"]
                if was_generated
                else kind.name_form.format(f"{request.name}-{request.randomSeed.hex()[:7]}")
            )
        if kind.tagged:
            tags, by_default = news.get("tags") or {}, self._aws.default_tags if self._aws else {}
            news[ALL_TAGS] = tags if tags == UNKNOWN else {**by_default, **tags}
            if not news[ALL_TAGS]:
                del news[ALL_TAGS]
        if "region" in kind.optional and self._aws and is_empty(news.get("region")):
            news["region"] = self._aws.region
        return provider_pb2.CheckResponse(
            inputs=to_struct({**news, **defaults, DEFAULTS: sorted(defaults)}), failures=failures
        )

    @_readable
    def Diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        kind, state, news = _kind(request.type), from_struct(request.olds), from_struct(request.news)
        changed = [
            key
            for key in kind.compared
            if key not in request.ignoreChanges
            and kind.differs(key, state.get(key), news.get(key))
            and not (key in kind.kept and key not in news)
        ]
        replaces = [key for key in changed if key not in kind.update and key != ALL_TAGS]
        details = {}
        for key in changed:
            # ADD, DELETE, UPDATE are 0, 2, 4; one more where the change replaces the resource.
            number = 0 if is_empty(state.get(key)) else 2 if is_empty(news.get(key)) else 4
            details[key] = provider_pb2.PropertyDiff(kind=number + (key in replaces), inputDiff=True)  # type: ignore[arg-type]
        # The bridge's nameRequiresDeleteBeforeReplace: for a name that the program sets, even if the name changes.
        fixed_name = kind.named and "name" not in (news.get(DEFAULTS) or [])
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if changed else none,
            diffs=changed,
            replaces=replaces,
            detailedDiff=details,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces) and (kind.delete_first or fixed_name),
        )

    def _state(self, kind: Kind, id_: str, known: Json) -> Json:
        """The current state at AWS. A value with the same meaning as the known one keeps the known spelling."""
        current = kind.read(self.aws, id_, known)
        if kind.tagged:  # AWS doesn't know which tags are the provider's default ones
            own, by_default = known.get("tags") or {}, self.aws.default_tags
            tags = {k: v for k, v in current[ALL_TAGS].items() if k in own or by_default.get(k) != v}
            current = {**current, "tags": tags}
        same_meaning = {k: known[k] for k in current if k in known and not kind.differs(k, known[k], current[k])}
        state = {**known, **current, **same_meaning}
        state |= {key: normalised(state[key]) for key in kind.documents if state.get(key)}
        state["id"] = state["name"] if kind.renamable else id_
        if "region" in kind.optional:
            state["region"] = known.get("region") or self.aws.region
        state.pop(DEFAULTS, None)
        return state

    @staticmethod
    def _planned(kind: Kind, values: Json) -> Json:
        """A state that AWS has not confirmed yet."""
        planned = {key: value for key, value in values.items() if key != DEFAULTS}
        if kind.tagged:
            planned[ALL_TAGS] = planned.get(ALL_TAGS) or {}
        return planned

    @_readable
    def Create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        kind, inputs = _kind(request.type), from_struct(request.properties)
        if request.preview:
            planned = self._planned(kind, {**dict.fromkeys(kind.outputs, UNKNOWN), **inputs})
            return provider_pb2.CreateResponse(properties=to_struct(planned))
        try:
            created = kind.create(self.aws, inputs)
        except ClientError as error:
            name = (
                inputs.get("name") or inputs.get("repository") or ", ".join(str(inputs[key]) for key in kind.required)
            )
            raise refused(self.aws, "creating", kind.title, name, error) from None
        id_, outputs = created if isinstance(created, tuple) else (created, {})
        known = {**inputs, **outputs}
        try:
            state = self._state(kind, id_, known)
        except (BotoCoreError, ClientError) as error:  # PLUG-25
            cause = refused(self.aws, "reading", kind.title, id_, error, arn=known.get("arn", ""))
            raise PartialFailureError(cause, id_, self._planned(kind, known)) from None
        return provider_pb2.CreateResponse(id=id_, properties=to_struct(state))

    @_readable
    def Update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        kind, state, news = _kind(request.type), from_struct(request.olds), from_struct(request.news)
        # What an update leaves alone stays known, so that nothing that depends on it looks changed (PLUG-9).
        stays = {key: value for key, value in state.items() if key not in kind.update or key in kind.kept}
        planned = {**stays, **news}
        if kind.tagged:
            planned[ALL_TAGS] = news.get(ALL_TAGS) or {}
        for key in request.ignoreChanges:
            planned[key] = state.get(key)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct(self._planned(kind, planned)))
        changed = [
            key
            for key in kind.update
            if kind.always_written
            or kind.differs(key, state.get(key), planned.get(key))
            or (key == "tags" and kind.differs(ALL_TAGS, state.get(ALL_TAGS), planned.get(ALL_TAGS)))
        ]
        step = "updating"
        try:
            for setter in dict.fromkeys(kind.update[key] for key in changed):
                setter(self.aws, request.id, planned, state)
            step = "reading"
            confirmed = self._state(kind, request.id, planned)
        except (BotoCoreError, ClientError) as error:
            cause = refused(self.aws, step, kind.title, request.id, error, arn=state.get("arn", ""))
            raise PartialFailureError(cause, request.id, self._planned(kind, planned)) from None
        return provider_pb2.UpdateResponse(properties=to_struct(confirmed))

    @_readable
    def Read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        kind, inputs, known = _kind(request.type), from_struct(request.inputs), from_struct(request.properties)
        try:
            state = self._state(kind, request.id, known)
        except ClientError as error:
            if is_gone(error):
                return provider_pb2.ReadResponse()
            raise refused(self.aws, "reading", kind.title, request.id, error, arn=known.get("arn", "")) from None
        if inputs:  # a refresh: what the program gave, as AWS has it now
            seen = {
                key: inputs[key] if not kind.differs(key, inputs[key], state.get(key)) else state.get(key)
                for key in kind.compared
                if key in inputs
            }
            seen[DEFAULTS] = inputs.get(DEFAULTS) or []
        else:  # an import: everything that has a value
            seen = {key: state[key] for key in kind.compared if not is_empty(state.get(key))}
            seen[DEFAULTS] = []
        return provider_pb2.ReadResponse(id=request.id, properties=to_struct(state), inputs=to_struct(seen))

    @_readable
    def Delete(self, request: provider_pb2.DeleteRequest) -> empty_pb2.Empty:
        kind, state = _kind(request.type), from_struct(request.properties)
        try:
            kind.delete(self.aws, request.id, state)
        except ClientError as error:
            if not is_gone(error):
                raise refused(self.aws, "deleting", kind.title, request.id, error, urn=request.urn) from None
        return empty_pb2.Empty()

    @_readable
    def Cancel(self, _: empty_pb2.Empty) -> empty_pb2.Empty:
        return empty_pb2.Empty()
