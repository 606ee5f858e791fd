//! What the exceptions of Python and of well-known clients mean: one row for each class that says
//! something of its own. Subclasses mean what the nearest class in their method resolution order
//! means.
//!
//! Statuses, codes and numbers of the operating system are judged by the core's tables, and not
//! here.

use super::rule::Rule;
use super::rule::Rule::{
    Debugged, Dns, Errno, Flag, Group, Hinted, Inner, Permanent, Response, Slip, Ssl, TooMany,
    Transient,
};

/// The rows: the package in which a class is defined, its name and its rule.
///
/// Within a package a name has one meaning, whatever the module.
pub(super) const ROWS: &[(&str, &str, Rule)] = &[
    // Python's own.
    ("builtins", "BaseExceptionGroup", Group),
    ("builtins", "ConnectionError", Transient),
    ("builtins", "FileExistsError", Permanent),
    ("builtins", "FileNotFoundError", Permanent),
    ("builtins", "IsADirectoryError", Permanent),
    ("builtins", "NotADirectoryError", Permanent),
    ("builtins", "OSError", Errno),
    ("builtins", "PermissionError", Permanent),
    ("builtins", "TimeoutError", Transient),
    // Ends of the program and of tasks, and errors in programs.
    ("builtins", "ArithmeticError", Permanent),
    ("builtins", "AssertionError", Permanent),
    ("builtins", "AttributeError", Slip),
    ("builtins", "BufferError", Permanent),
    ("builtins", "GeneratorExit", Permanent),
    ("builtins", "ImportError", Permanent),
    ("builtins", "KeyboardInterrupt", Permanent),
    ("builtins", "LookupError", Permanent),
    ("builtins", "MemoryError", Permanent),
    ("builtins", "NameError", Permanent),
    ("builtins", "NotImplementedError", Permanent),
    ("builtins", "RecursionError", Permanent),
    ("builtins", "ReferenceError", Permanent),
    ("builtins", "StopAsyncIteration", Permanent),
    ("builtins", "StopIteration", Permanent),
    ("builtins", "SyntaxError", Permanent),
    ("builtins", "SystemError", Permanent),
    ("builtins", "SystemExit", Permanent),
    ("builtins", "TypeError", Permanent),
    ("builtins", "ValueError", Permanent),
    ("builtins", "Warning", Permanent),
    ("asyncio", "CancelledError", Permanent),
    ("asyncio", "IncompleteReadError", Transient),
    // Before Python 3.11 these were not the builtin one.
    ("asyncio", "TimeoutError", Transient),
    ("concurrent", "CancelledError", Permanent),
    ("concurrent", "TimeoutError", Transient),
    ("exceptiongroup", "BaseExceptionGroup", Group),
    ("http", "BadStatusLine", Transient),
    ("http", "IncompleteRead", Transient),
    ("socket", "gaierror", Dns),
    ("ssl", "SSLCertVerificationError", Permanent),
    ("ssl", "SSLEOFError", Transient),
    ("ssl", "SSLError", Ssl),
    ("ssl", "SSLSyscallError", Transient),
    ("ssl", "SSLZeroReturnError", Transient),
    ("urllib", "ContentTooShortError", Transient),
    (
        "urllib",
        "HTTPError",
        Response(&["code"], &[], &["headers"]),
    ),
    ("urllib", "URLError", Inner(&["reason"], false)),
    // trio and anyio. Streams break by an error of their connection, or of TLS.
    ("anyio", "BrokenResourceError", Inner(&[], true)),
    ("trio", "BrokenResourceError", Inner(&[], true)),
    ("trio", "TooSlowError", Transient),
    // This package's.
    ("undaunted", "Escape", Permanent),
    (
        "undaunted",
        "HttpFailure",
        Response(&["status"], &["code"], &[]),
    ),
    ("undaunted", "StorageAmbiguousError", Permanent),
    ("undaunted", "StorageConfigurationError", Permanent),
    (
        "undaunted",
        "StorageConnectionError",
        Hinted {
            is_throttled: false,
        },
    ),
    ("undaunted", "StorageFileExistsError", Permanent),
    ("undaunted", "StorageFileNotFoundError", Permanent),
    ("undaunted", "StoragePermissionError", Permanent),
    (
        "undaunted",
        "StorageRateLimitError",
        Hinted { is_throttled: true },
    ),
    ("undaunted", "StorageTimeoutError", Transient),
    ("undaunted", "StorageUnsupportedError", Permanent),
    // boto3, botocore, aiobotocore and s3transfer.
    (
        "boto3",
        "RetriesExceededError",
        Inner(&["last_exception"], true),
    ),
    ("botocore", "BotoCoreError", Inner(&[], false)),
    ("botocore", "CapacityNotAvailableError", Transient),
    ("botocore", "ChecksumError", Transient),
    (
        "botocore",
        "ClientError",
        Response(
            &["response", "ResponseMetadata", "HTTPStatusCode"],
            &["response", "Error", "Code"],
            &["response", "ResponseMetadata", "HTTPHeaders"],
        ),
    ),
    ("botocore", "ConnectTimeoutError", Transient),
    ("botocore", "ConnectionClosedError", Transient),
    (
        "botocore",
        "ConnectionError",
        Inner(&["kwargs", "error"], true),
    ),
    ("botocore", "FlexibleChecksumError", Transient),
    (
        "botocore",
        "HTTPClientError",
        Inner(&["kwargs", "error"], true),
    ),
    ("botocore", "IncompleteReadError", Transient),
    ("botocore", "ReadTimeoutError", Transient),
    ("botocore", "ResponseStreamingError", Transient),
    ("botocore", "SSLError", Inner(&["kwargs", "error"], false)),
    // Of the last response that it waited by.
    (
        "botocore",
        "WaiterError",
        Response(
            &["last_response", "ResponseMetadata", "HTTPStatusCode"],
            &["last_response", "Error", "Code"],
            &["last_response", "ResponseMetadata", "HTTPHeaders"],
        ),
    ),
    (
        "s3transfer",
        "RetriesExceededError",
        Inner(&["last_exception"], true),
    ),
    // httpx and httpcore.
    ("httpcore", "ConnectionNotAvailable", Transient),
    ("httpcore", "LocalProtocolError", Permanent),
    ("httpcore", "NetworkError", Inner(&["args", "0"], true)),
    ("httpcore", "ProxyError", Inner(&[], false)),
    ("httpcore", "RemoteProtocolError", Transient),
    ("httpcore", "TimeoutException", Transient),
    ("httpcore", "UnsupportedProtocol", Permanent),
    ("httpx", "HTTPError", Inner(&[], false)),
    (
        "httpx",
        "HTTPStatusError",
        Response(&["response", "status_code"], &[], &["response", "headers"]),
    ),
    ("httpx", "InvalidURL", Permanent),
    ("httpx", "LocalProtocolError", Permanent),
    ("httpx", "NetworkError", Inner(&[], true)),
    ("httpx", "RemoteProtocolError", Transient),
    ("httpx", "StreamError", Permanent),
    ("httpx", "TimeoutException", Transient),
    ("httpx", "TooManyRedirects", Permanent),
    ("httpx", "UnsupportedProtocol", Permanent),
    // aiohttp.
    ("aiohttp", "ClientConnectionError", Inner(&[], true)),
    ("aiohttp", "ClientConnectorCertificateError", Permanent),
    (
        "aiohttp",
        "ClientConnectorError",
        Inner(&["os_error"], true),
    ),
    ("aiohttp", "ClientError", Inner(&[], false)),
    ("aiohttp", "ClientOSError", Errno),
    ("aiohttp", "ClientPayloadError", Transient),
    (
        "aiohttp",
        "ClientResponseError",
        Response(&["status"], &[], &["headers"]),
    ),
    ("aiohttp", "ClientSSLError", Inner(&["os_error"], false)),
    ("aiohttp", "HttpProcessingError", Transient),
    ("aiohttp", "InvalidURL", Permanent),
    ("aiohttp", "NonHttpUrlClientError", Permanent),
    ("aiohttp", "ServerFingerprintMismatch", Permanent),
    ("aiohttp", "TooManyRedirects", Permanent),
    // requests.
    ("requests", "ChunkedEncodingError", Transient),
    ("requests", "ConnectionError", Inner(&["args", "0"], true)),
    (
        "requests",
        "HTTPError",
        Response(&["response", "status_code"], &[], &["response", "headers"]),
    ),
    ("requests", "RequestException", Inner(&[], false)),
    ("requests", "RetryError", Inner(&["args", "0"], false)),
    ("requests", "SSLError", Inner(&["args", "0"], false)),
    ("requests", "Timeout", Transient),
    // urllib3.
    ("urllib3", "EmptyPoolError", Transient),
    ("urllib3", "HTTPError", Inner(&[], false)),
    ("urllib3", "IncompleteRead", Transient),
    ("urllib3", "InvalidChunkLength", Transient),
    ("urllib3", "MaxRetryError", Inner(&["reason"], true)),
    ("urllib3", "NewConnectionError", Inner(&[], true)),
    ("urllib3", "ProtocolError", Inner(&["args", "1"], true)),
    ("urllib3", "ProxyError", Inner(&["original_error"], true)),
    ("urllib3", "ResponseError", TooMany),
    ("urllib3", "SSLError", Inner(&["args", "0"], false)),
    ("urllib3", "TimeoutError", Transient),
    // Google's clients and gcsfs.
    ("gcsfs", "ChecksumError", Transient),
    ("gcsfs", "HttpError", Response(&["code"], &[], &[])),
    ("gcsfs", "NonRetryableError", Permanent),
    // gRPC's ABORTED is a conflict that another attempt may not meet.
    ("google", "Aborted", Transient),
    ("google", "DataCorruption", Transient),
    // gRPC's DATA_LOSS and UNKNOWN, which have no status of HTTP.
    ("google", "DataLoss", Transient),
    (
        "google",
        "GoogleAPICallError",
        Response(&["code"], &[], &["response", "headers"]),
    ),
    ("google", "GoogleAuthError", Flag("retryable", false)),
    (
        "google",
        "InvalidResponse",
        Response(&["response", "status_code"], &[], &["response", "headers"]),
    ),
    ("google", "RetryError", Inner(&["cause"], true)),
    ("google", "TimeoutError", Transient),
    ("google", "TransportError", Flag("retryable", true)),
    ("google", "Unknown", Transient),
    // Azure's clients.
    ("azure", "AzureError", Inner(&["inner_exception"], false)),
    (
        "azure",
        "HttpResponseError",
        Response(&["status_code"], &["error_code"], &["response", "headers"]),
    ),
    ("azure", "IncompleteReadError", Transient),
    (
        "azure",
        "ServiceRequestError",
        Inner(&["inner_exception"], true),
    ),
    ("azure", "ServiceRequestTimeoutError", Transient),
    (
        "azure",
        "ServiceResponseError",
        Inner(&["inner_exception"], true),
    ),
    ("azure", "ServiceResponseTimeoutError", Transient),
    // obstore.
    ("obstore", "BaseError", Permanent),
    ("obstore", "GenericError", Debugged),
    // litestar-storages. Its StorageError means what its cause means.
    ("litestar_storages", "ConfigurationError", Permanent),
    ("litestar_storages", "StorageConnectionError", Transient),
    ("litestar_storages", "StorageFileExistsError", Permanent),
    ("litestar_storages", "StorageFileNotFoundError", Permanent),
    ("litestar_storages", "StoragePermissionError", Permanent),
];
