"""Options by the names of s3fs, gcsfs and adlfs, translated into those of object_store.

A name that is in none of the tables is passed on: it is one of object_store's, or an error that
names it. An option whose value is None counts as not given.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .._errors import StorageConfigurationError

if TYPE_CHECKING:
    from .._open import OptionValue

Given: TypeAlias = dict[str, Any]
"""Options as a file system is given them."""

Translated: TypeAlias = "dict[str, OptionValue]"
"""Options of a store, by object_store's names."""


def translated(service: str, given: Mapping[str, Any]) -> Translated:
    """The options of a store of this service.

    Raises:
        StorageConfigurationError: If an option asks for something that undaunted does not have.
    """
    options: Given = {name: value for name, value in given.items() if value is not None}
    unnest, renamed, refused = _TABLES[service]
    unnest(options)
    made: Given = {}
    for name, value in options.items():
        if name in _IGNORED:
            continue
        reason = refused.get(name)
        if reason is not None:
            # `acl=""` or `requester_pays=False` ask for nothing.
            if value:
                raise StorageConfigurationError(f"the option {name} is not supported: {reason}")
            continue
        new_name = renamed.get(name, name)
        if made.get(new_name, value) != value:
            raise StorageConfigurationError(
                f"the option {name} contradicts another one that means {new_name}: give one of them"
            )
        made[new_name] = value
    for name, value in made.items():
        if not isinstance(value, (str, bool, int, float)):
            raise StorageConfigurationError(
                f"the option {name} must be a str, a bool or a number, not {type(value).__name__}"
            )
    return made


def _s3(options: Given) -> None:
    client = _taken(options, "client_kwargs")
    for name, value in client.items():
        if name == "verify":
            _verify(options, value)
        elif name in _S3_CLIENT:
            _set(options, _S3_CLIENT[name], value, f"client_kwargs[{name!r}]")
        elif name not in _S3_CLIENT_IGNORED:
            raise _unknown("client_kwargs", name, (*_S3_CLIENT, "verify"))
    config = _taken(options, "config_kwargs")
    for name, value in config.items():
        if name == "signature_version":
            # botocore.UNSIGNED is an object of its own.
            if str(value).endswith("UNSIGNED") or "UNSIGNED" in repr(value):
                options["anon"] = True
        elif name == "s3":
            style = cast(Given, value).get("addressing_style", "auto")
            if style != "auto":
                options["aws_virtual_hosted_style_request"] = style == "virtual"
        elif name in ("connect_timeout", "read_timeout"):
            options[name] = f"{value}s"
        elif name == "proxies":
            addresses = set(cast(Given, value).values())
            if len(addresses) != 1:
                raise StorageConfigurationError(
                    "config_kwargs['proxies'] must name one proxy for all schemes"
                )
            options["proxy_url"] = addresses.pop()
        elif name in _S3_CONFIG:
            _set(options, _S3_CONFIG[name], value, f"config_kwargs[{name!r}]")
        elif name not in _S3_CONFIG_IGNORED:
            raise _unknown(
                "config_kwargs",
                name,
                (*_S3_CONFIG, "connect_timeout", "read_timeout", "proxies", "s3"),
            )
    for name, value in _taken(options, "s3_additional_kwargs").items():
        if name not in _S3_ADDITIONAL:
            raise _unknown("s3_additional_kwargs", name, _S3_ADDITIONAL)
        options[_S3_ADDITIONAL[name]] = value
    if options.pop("use_ssl", True) is False and "endpoint_url" not in options:
        raise StorageConfigurationError("use_ssl=False needs an endpoint_url that begins with http")
    _allow_http(options, "endpoint_url")


def _gcs(options: Given) -> None:
    token: object = options.pop("token", None)
    if isinstance(token, Mapping):
        options["google_service_account_key"] = json.dumps(dict(cast("Mapping[str, Any]", token)))
    elif token == "anon":
        options["google_skip_signature"] = True
    elif token in ("browser", "cache"):
        raise StorageConfigurationError(
            f"token={token!r} is not supported: sign in with `gcloud auth application-default "
            'login` and use token="google_default"'
        )
    elif isinstance(token, (str, os.PathLike)):
        place = os.fspath(cast("str | os.PathLike[str]", token))
        if os.path.exists(place):
            options["google_service_account"] = place
        elif not isinstance(token, str) or _is_path(place):
            # As a bearer token it would be sent to Google.
            raise FileNotFoundError(
                errno.ENOENT, "token is a path, and there is no such file", place
            )
        elif token not in ("google_default", "cloud"):
            options["google_bearer_token"] = place
    elif token is not None:
        raise StorageConfigurationError(
            "token must be the path or the content of a service account's key, a bearer token, "
            f'"anon", "google_default" or "cloud", not {type(token).__name__}'
        )
    timeout = options.pop("requests_timeout", None)
    if timeout is not None:
        options["timeout"] = f"{timeout}s"
    _allow_http(options, "endpoint_url")


def _is_path(token: str) -> bool:
    """Whether a token is meant as the path of a file. A bearer token may have slashes in it."""
    is_path = os.path.isabs(token) or token.startswith(("./", "../", "~"))
    return is_path or "\\" in token or token.endswith((".json", ".p12"))


def _azure(options: Given) -> None:
    text = options.pop("connection_string", None)
    if text is not None:
        _connection_string(options, text)
    credential: object = options.pop("credential", None)
    if isinstance(credential, str):
        is_signature = "sig=" in credential
        options["sas_token" if is_signature else "account_key"] = credential
    elif credential is not None:
        raise StorageConfigurationError(
            "credential must be an account key or a SAS token, not "
            f"{type(credential).__name__}: for other identities give tenant_id, client_id and "
            "client_secret, or use_azure_cli"
        )
    host = options.pop("account_host", None)
    if host is not None:
        options["azure_endpoint"] = f"https://{host}"
    _allow_http(options, "azure_endpoint")


def _connection_string(options: Given, text: object) -> None:
    fields = dict(field.split("=", 1) for field in str(text).strip(";").split(";") if "=" in field)
    if fields.get("UseDevelopmentStorage", "").lower() == "true":
        options["use_emulator"] = True
        return
    for name, option in _CONNECTION_STRING.items():
        if name in fields:
            options[option] = fields[name]
    if "AccountName" in fields and "BlobEndpoint" not in fields and "EndpointSuffix" in fields:
        scheme = fields.get("DefaultEndpointsProtocol", "https")
        host = f"{fields['AccountName']}.blob.{fields['EndpointSuffix']}"
        options["azure_endpoint"] = f"{scheme}://{host}"
    if "account_name" not in options and "azure_endpoint" not in options:
        raise StorageConfigurationError(
            "connection_string has neither an AccountName nor a BlobEndpoint"
        )


def _memory(_: Given) -> None:
    """A store in memory has no options."""


def _verify(options: Given, value: object) -> None:
    if value is False:
        options["allow_invalid_certificates"] = True
    elif value is not True:
        raise StorageConfigurationError(
            "client_kwargs['verify'] must be True or False: add a certificate to those that the "
            "system trusts"
        )


def _allow_http(options: Given, name: str) -> None:
    """An address without encryption that is given by s3fs' name is meant so, as in s3fs."""
    address = options.get(name)
    if isinstance(address, str) and address.startswith("http://"):
        options.setdefault("allow_http", True)


def _set(options: Given, name: str, value: object, origin: str) -> None:
    if value is None:
        return
    if options.get(name, value) != value:
        raise StorageConfigurationError(f"{origin} contradicts the option {name}: give one of them")
    options[name] = value


def _taken(options: Given, name: str) -> Given:
    value: object = options.pop(name, None)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise StorageConfigurationError(
            f"the option {name} must be a mapping, not {type(value).__name__}"
        )
    return dict(cast("Mapping[str, Any]", value))


def _unknown(within: str, name: str, known: Mapping[str, Any] | tuple[str, ...]) -> Exception:
    return StorageConfigurationError(
        f"{within} has {name!r}, which undaunted does not know: it knows {', '.join(sorted(known))}"
    )


_S3_CLIENT = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
    "endpoint_url": "endpoint_url",
    "region_name": "aws_region",
    "use_ssl": "use_ssl",
}
_S3_CLIENT_IGNORED = ("api_version", "config")

_S3_CONFIG = {"region_name": "aws_region", "user_agent": "user_agent"}
# Settings of botocore's own connections and retries.
_S3_CONFIG_IGNORED = (
    "max_pool_connections",
    "parameter_validation",
    "request_checksum_calculation",
    "response_checksum_validation",
    "retries",
    "tcp_keepalive",
    "user_agent_extra",
)

_S3_ADDITIONAL = {
    "BucketKeyEnabled": "aws_sse_bucket_key_enabled",
    "SSEKMSKeyId": "aws_sse_kms_key_id",
    "ServerSideEncryption": "aws_server_side_encryption",
}

_S3_RENAMED = {
    "anon": "aws_skip_signature",
    "endpoint_url": "aws_endpoint",
    "key": "aws_access_key_id",
    "password": "aws_secret_access_key",
    "requester_pays": "aws_request_payer",
    "secret": "aws_secret_access_key",
    "token": "aws_session_token",
    "username": "aws_access_key_id",
}

_S3_REFUSED = {
    "acl": "set the ACL by a rule of the bucket",
    "profile": "give key, secret and token, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    "as `aws configure export-credentials --format env` prints them",
    "session": "a session of botocore cannot be used; give key, secret and token",
    "version_aware": "old versions cannot be read or listed; a file that is open is never mixed "
    "with another version of it",
}

_GCS_RENAMED = {"endpoint_url": "google_base_url"}

_GCS_REFUSED = {
    "encryption_key": "objects with keys of the caller cannot be read",
    "requester_pays": "the project to be billed cannot be named",
    "session_kwargs": "there is no session of aiohttp",
    "version_aware": _S3_REFUSED["version_aware"],
}

_AZURE_RENAMED = {
    "account_key": "azure_storage_account_key",
    "account_name": "azure_storage_account_name",
    "anon": "azure_skip_signature",
    "client_id": "azure_client_id",
    "client_secret": "azure_client_secret",
    "sas_token": "azure_storage_sas_key",
    "tenant_id": "azure_tenant_id",
}

_AZURE_REFUSED = {
    "request_session": "there is no session of aiohttp",
    "version_aware": _S3_REFUSED["version_aware"],
}

_CONNECTION_STRING = {
    "AccountKey": "account_key",
    "AccountName": "account_name",
    "BlobEndpoint": "azure_endpoint",
    "SharedAccessSignature": "sas_token",
}

# Hints about the caches, connections and retries of s3fs, gcsfs and adlfs, without which the
# results are the same. The package's README lists them.
_IGNORED = frozenset(
    {
        "access",
        "assume_container_exists",
        "cache_regions",
        "check_connection",
        "consistency",
        "default_fill_cache",
        "default_location",
        "experimental_zonal_support",
        "fixed_upload_size",
        "location_mode",
        "project",
        "retries",
        "secure_serialize",
        "socket_timeout",
    }
)

_Tables: TypeAlias = "tuple[Callable[[Given], None], dict[str, str], dict[str, str]]"

_TABLES: dict[str, _Tables] = {
    "az": (_azure, _AZURE_RENAMED, _AZURE_REFUSED),
    "gs": (_gcs, _GCS_RENAMED, _GCS_REFUSED),
    "memory": (_memory, {}, {}),
    "s3": (_s3, _S3_RENAMED, _S3_REFUSED),
}
