"""Options of s3fs, gcsfs and adlfs, and what they become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from undaunted import RetryConfig, StorageConfigurationError
from undaunted.fsspec import AzureFileSystem, FileSystem, GcsFileSystem, S3FileSystem
from undaunted.fsspec._options import translated


class Unsigned:
    """Stands for botocore.UNSIGNED."""

    def __repr__(self) -> str:
        return "<botocore.UNSIGNED>"


KEYS = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
S3: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"key": "k", "secret": "s"}, KEYS),
    ({"username": "k", "password": "s"}, KEYS),
    ({"client_kwargs": KEYS}, KEYS),
    ({"token": "t"}, {"aws_session_token": "t"}),
    ({"client_kwargs": {"aws_session_token": "t"}}, {"aws_session_token": "t"}),
    ({"anon": True}, {"aws_skip_signature": True}),
    ({"anon": False, "key": None}, {"aws_skip_signature": False}),
    ({"config_kwargs": {"signature_version": Unsigned()}}, {"aws_skip_signature": True}),
    ({"endpoint_url": "https://h"}, {"aws_endpoint": "https://h"}),
    ({"endpoint_url": "http://h"}, {"aws_endpoint": "http://h", "allow_http": True}),
    (
        {"client_kwargs": {"endpoint_url": "http://h", "region_name": "eu-north-1"}},
        {"aws_endpoint": "http://h", "allow_http": True, "aws_region": "eu-north-1"},
    ),
    ({"client_kwargs": {"verify": False}}, {"allow_invalid_certificates": True}),
    ({"client_kwargs": {"verify": True}}, {}),
    (
        {"use_ssl": False, "endpoint_url": "http://h"},
        {"aws_endpoint": "http://h", "allow_http": True},
    ),
    (
        {"config_kwargs": {"s3": {"addressing_style": "virtual"}, "read_timeout": 5}},
        {"aws_virtual_hosted_style_request": True, "read_timeout": "5s"},
    ),
    (
        {"config_kwargs": {"s3": {"addressing_style": "path"}}},
        {"aws_virtual_hosted_style_request": False},
    ),
    ({"config_kwargs": {"retries": {"max_attempts": 9}, "max_pool_connections": 9}}, {}),
    ({"config_kwargs": {"proxies": {"https": "http://p:1"}}}, {"proxy_url": "http://p:1"}),
    (
        {"s3_additional_kwargs": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "id"}},
        {"aws_server_side_encryption": "aws:kms", "aws_sse_kms_key_id": "id"},
    ),
    ({"requester_pays": True}, {"aws_request_payer": True}),
    ({"version_aware": False, "acl": "", "cache_regions": True, "default_fill_cache": False}, {}),
    (
        {"aws_region": "r", "aws_endpoint": "https://h"},
        {"aws_region": "r", "aws_endpoint": "https://h"},
    ),
]

GCS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"token": "anon"}, {"google_skip_signature": True}),
    ({"token": "google_default", "project": "p", "access": "read_only"}, {}),
    ({"token": "cloud", "consistency": "none"}, {}),
    (
        {"token": {"type": "service_account"}},
        {"google_service_account_key": '{"type": "service_account"}'},
    ),
    ({"token": "ya29.token"}, {"google_bearer_token": "ya29.token"}),
    ({"endpoint_url": "http://h"}, {"google_base_url": "http://h", "allow_http": True}),
    ({"requests_timeout": 3}, {"timeout": "3s"}),
    ({"google_service_account": "/a.json"}, {"google_service_account": "/a.json"}),
]

AZURE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"account_name": "a", "account_key": "k"},
        {"azure_storage_account_name": "a", "azure_storage_account_key": "k"},
    ),
    (
        {"account_name": "a", "credential": "k"},
        {"azure_storage_account_name": "a", "azure_storage_account_key": "k"},
    ),
    ({"sas_token": "?sig=x"}, {"azure_storage_sas_key": "?sig=x"}),
    ({"credential": "sv=1&sig=x"}, {"azure_storage_sas_key": "sv=1&sig=x"}),
    ({"anon": True, "assume_container_exists": True}, {"azure_skip_signature": True}),
    (
        {"tenant_id": "t", "client_id": "c", "client_secret": "s"},
        {"azure_tenant_id": "t", "azure_client_id": "c", "azure_client_secret": "s"},
    ),
    ({"account_host": "a.blob.h"}, {"azure_endpoint": "https://a.blob.h"}),
    ({"connection_string": "UseDevelopmentStorage=true"}, {"use_emulator": True}),
    (
        {"connection_string": "AccountName=a;AccountKey=b==;EndpointSuffix=core.windows.net"},
        {
            "azure_storage_account_name": "a",
            "azure_storage_account_key": "b==",
            "azure_endpoint": "https://a.blob.core.windows.net",
        },
    ),
    (
        {"connection_string": "AccountName=a;AccountKey=b;BlobEndpoint=http://h/a;"},
        {
            "azure_storage_account_name": "a",
            "azure_storage_account_key": "b",
            "azure_endpoint": "http://h/a",
            "allow_http": True,
        },
    ),
]

ALL = [("s3", *row) for row in S3] + [("gs", *row) for row in GCS] + [("az", *row) for row in AZURE]


@pytest.mark.parametrize(("service", "given", "expected"), ALL)
def test_options(service: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert translated(service, given) == expected


def test_the_key_of_a_service_account_can_be_a_file(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"type": "service_account"}))
    assert translated("gs", {"token": str(key)}) == {"google_service_account": str(key)}


@pytest.mark.parametrize(
    "token",
    ["/home/me/typo.json", "/home/me/key", "key.json", "~/key", r"C:\keys\key", Path("key")],
)
def test_the_path_of_a_missing_file_is_not_sent_as_a_token(token: Any) -> None:
    with pytest.raises(FileNotFoundError, match="token is a path") as raised:
        FileSystem("gs", token=token)
    assert raised.value.filename == str(token)


@pytest.mark.parametrize("token", ["ya29.a0Af_x-y", "1/fFAGRNJru1FTz70BzhT3Zg"])
def test_a_bearer_token_is_none(token: str) -> None:
    assert translated("gs", {"token": token}) == {"google_bearer_token": token}


@pytest.mark.parametrize(
    ("service", "given", "message"),
    [
        ("s3", {"client_kwargs": {"colour": 1}}, "client_kwargs has 'colour', .* it knows aws_"),
        ("s3", {"config_kwargs": {"colour": 1}}, "config_kwargs has 'colour'"),
        ("s3", {"s3_additional_kwargs": {"ACL": "x"}}, "s3_additional_kwargs has 'ACL'"),
        ("s3", {"client_kwargs": "x"}, "client_kwargs must be a mapping, not str"),
        ("s3", {"client_kwargs": {"verify": "/ca.pem"}}, "verify"),
        ("s3", {"profile": "p"}, "profile is not supported: give key, secret and token"),
        ("s3", {"session": object()}, "session is not supported"),
        ("s3", {"version_aware": True}, "version_aware is not supported"),
        ("s3", {"use_ssl": False}, "use_ssl=False needs an endpoint_url"),
        ("s3", {"key": "a", "aws_access_key_id": "b"}, "contradicts"),
        ("s3", {"key": "a", "client_kwargs": {"aws_access_key_id": "b"}}, "contradicts"),
        ("s3", {"key": ["a"]}, "aws_access_key_id must be a str, a bool or a number, not list"),
        ("gs", {"token": "browser"}, "gcloud auth application-default login"),
        ("gs", {"token": object()}, "token must be the path or the content"),
        ("gs", {"requester_pays": "project"}, "requester_pays is not supported"),
        ("az", {"credential": object()}, "credential must be an account key or a SAS token"),
        ("az", {"connection_string": "x"}, "neither an AccountName nor a BlobEndpoint"),
    ],
)
def test_what_is_not_supported_is_an_error(
    service: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(StorageConfigurationError, match=message):
        translated(service, given)


@pytest.mark.parametrize("cls", [S3FileSystem, GcsFileSystem, AzureFileSystem])
def test_unknown_options_are_errors_of_the_constructor(cls: Any) -> None:
    with pytest.raises(StorageConfigurationError, match="colour"):
        cls(colour="red", skip_instance_cache=True)


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(StorageConfigurationError, match="aws_region"):
        S3FileSystem(aws_regoin="eu-north-1")


def test_no_secret_is_shown() -> None:
    fs: Any = S3FileSystem(key="AKIASECRET", secret="hunter2secret")
    assert "ecret" not in repr(fs) + str(fs)
    with pytest.raises(StorageConfigurationError) as caught:
        S3FileSystem(key="AKIASECRET", aws_access_key_id="other")
    assert "AKIASECRET" not in str(caught.value)


def test_the_protocol_must_be_known() -> None:
    with pytest.raises(StorageConfigurationError, match="no file system for the protocol 'ftp'"):
        FileSystem("ftp")
    with pytest.raises(TypeError, match="needs a protocol"):
        FileSystem()
    with pytest.raises(StorageConfigurationError, match="is for s3"):
        S3FileSystem("gs")


def test_retries_are_configured_by_a_config_or_a_mapping() -> None:
    by_mapping: Any = S3FileSystem(retry={"max_retries": 2})
    assert by_mapping._retry.max_retries == 2
    assert by_mapping._retry.base_delay == RetryConfig.storage().base_delay
    by_config: Any = S3FileSystem(retry=RetryConfig(max_retries=7))
    assert by_config._retry == RetryConfig(max_retries=7)
    with pytest.raises(TypeError, match="config must be a RetryConfig"):
        S3FileSystem(retry=5)
    with pytest.raises(ValueError, match="max_retries"):
        S3FileSystem(retry={"max_retries": -1})


def test_azure_urls_can_have_the_account() -> None:
    url = "abfss://box@account.dfs.core.windows.net/a/b"
    assert AzureFileSystem._strip_protocol(url) == "box/a/b"
    assert AzureFileSystem._get_kwargs_from_urls(url) == {"account_name": "account"}
    assert AzureFileSystem._strip_protocol("az://box/a/b") == "box/a/b"
    assert AzureFileSystem._strip_protocol("az://box/a@b") == "box/a@b"
    assert AzureFileSystem._get_kwargs_from_urls("az://box/a@b") == {}
    china = AzureFileSystem._get_kwargs_from_urls("abfs://c@a.dfs.core.chinacloudapi.cn/x")
    assert china == {"account_name": "a", "azure_endpoint": "https://a.blob.core.chinacloudapi.cn"}


def test_sizes_of_blocks_have_many_names() -> None:
    for name in ("default_block_size", "block_size", "blocksize"):
        fs: Any = FileSystem("memory", **{name: 1234})
        assert fs.default_block_size == 1234
    with pytest.raises(ValueError, match="max_concurrency is 0"):
        FileSystem("memory", max_concurrency=0)
