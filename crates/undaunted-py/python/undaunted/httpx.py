"""Transports for httpx that repeat requests: for clients whose calls are not yours to decorate.

>>> import httpx
>>> from undaunted import RetryConfig
>>> from undaunted.httpx import RetryTransport
>>> client = httpx.Client(transport=RetryTransport(RetryConfig(max_retries=5)))

A request is repeated if its method is idempotent (GET, HEAD, PUT, DELETE, OPTIONS, TRACE) or if it
has an ``Idempotency-Key``. Any other, such as a POST, is repeated only if the failure shows that it
was not processed: the service refused it with 429, or there was no connection to send it over. A
body is sent again if it is bytes, or a form whose files can seek; that of an iterator is not.

A response of 429, 408 or a 5xx that may pass is a failure, and ``Retry-After`` is obeyed. If it is
still there after the last retry, the client gets it, as it would without retries.

What cuts a request is the timeout of the client. The ``total_timeout`` of the configuration and a
:class:`undaunted.deadline` cut one too, in async code: no other follows then, and if the one that
was cut is not idempotent, the client gets ``httpx.ReadTimeout`` whatever failed before.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Generator, Iterable
from contextlib import contextmanager
from typing import cast

try:
    import httpx
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        f"undaunted.httpx needs httpx: pip install httpx ({_error})", name=_error.name
    ) from _error

from . import blocking
from ._config import RetryConfig
from ._judging import Escape
from ._log import Subjected
from ._misuse import config_of
from ._retry import with_retry

__all__ = ["AsyncRetryTransport", "RetryTransport"]


class RetryTransport(httpx.BaseTransport):
    """A transport for ``httpx.Client`` that repeats requests.

    Args:
        config: How to retry; default: 3 retries after 1, 2 and 4 seconds, each ±25 %.
        transport: Makes each attempt; default: ``httpx.HTTPTransport()``.

    Raises:
        ValueError: If the configuration has an ``attempt_timeout``: the timeout of the client is
            that of each attempt.

    Example:
        >>> import httpx
        >>> from undaunted import RetryConfig
        >>> from undaunted.httpx import RetryTransport
        >>> statuses = iter([503, 200])
        >>> service = httpx.MockTransport(lambda request: httpx.Response(next(statuses)))
        >>> transport = RetryTransport(RetryConfig(base_delay=0), service)
        >>> httpx.Client(transport=transport).get("http://service/").status_code
        200
    """

    def __init__(
        self, config: RetryConfig | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._config = _checked(config, "RetryTransport", "Client")
        self._transport = httpx.HTTPTransport() if transport is None else transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, again if it fails and may be repeated.

        Args:
            request: The request.

        Raises:
            httpx.TransportError: If the last attempt got no response.

        Example:
            >>> import httpx
            >>> from undaunted.httpx import RetryTransport
            >>> service = httpx.MockTransport(lambda request: httpx.Response(200))
            >>> RetryTransport(transport=service).handle_request(httpx.Request("GET", "http://a/"))
            <Response [200 OK]>
        """
        repeats = _Repeats(request, self._config)

        def attempt() -> httpx.Response:
            with repeats.attempt():
                response = self._transport.handle_request(request)
                if not repeats.is_failure(response):
                    return response
                # The connection is free for other requests while this one waits.
                body = b"".join(cast("Iterable[bytes]", response.stream))
                response.close()
            raise repeats.failure(response, body)

        try:
            return blocking.with_retry(attempt, self._config, name=repeats.name)
        except _FinalError as final:
            raise final.error from final.error.__cause__
        except Exception as error:
            return repeats.response(error)

    def close(self) -> None:
        """Closes the transport that makes the attempts.

        Example:
            >>> from undaunted.httpx import RetryTransport
            >>> RetryTransport().close()
        """
        self._transport.close()


class AsyncRetryTransport(httpx.AsyncBaseTransport):
    """A transport for ``httpx.AsyncClient`` that repeats requests.

    Args:
        config: How to retry; default: 3 retries after 1, 2 and 4 seconds, each ±25 %.
        transport: Makes each attempt; default: ``httpx.AsyncHTTPTransport()``.

    Raises:
        ValueError: If the configuration has an ``attempt_timeout``: the timeout of the client is
            that of each attempt, and its errors tell whether the request was sent.

    Example:
        >>> import asyncio
        >>> import httpx
        >>> from undaunted import RetryConfig
        >>> from undaunted.httpx import AsyncRetryTransport
        >>> statuses = iter([503, 200])
        >>> service = httpx.MockTransport(lambda request: httpx.Response(next(statuses)))
        >>> async def main():
        ...     transport = AsyncRetryTransport(RetryConfig(base_delay=0), service)
        ...     async with httpx.AsyncClient(transport=transport) as client:
        ...         return (await client.get("http://service/")).status_code
        >>> asyncio.run(main())
        200
    """

    def __init__(
        self, config: RetryConfig | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._config = _checked(config, "AsyncRetryTransport", "AsyncClient")
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, again if it fails and may be repeated.

        Args:
            request: The request.

        Raises:
            httpx.TransportError: If the last attempt got no response.

        Example:
            >>> import asyncio
            >>> import httpx
            >>> from undaunted.httpx import AsyncRetryTransport
            >>> service = httpx.MockTransport(lambda request: httpx.Response(200))
            >>> transport = AsyncRetryTransport(transport=service)
            >>> asyncio.run(transport.handle_async_request(httpx.Request("GET", "http://a/")))
            <Response [200 OK]>
        """
        repeats = _Repeats(request, self._config)

        async def attempt() -> httpx.Response:
            with repeats.attempt():
                response = await self._transport.handle_async_request(request)
                if not repeats.is_failure(response):
                    return response
                stream = cast("AsyncIterable[bytes]", response.stream)
                body = b"".join([chunk async for chunk in stream])
                await response.aclose()
            raise repeats.failure(response, body)

        try:
            return await with_retry(attempt, self._config, name=repeats.name)
        except _FinalError as final:
            raise final.error from final.error.__cause__
        except Exception as error:
            return repeats.response(error)

    async def aclose(self) -> None:
        """Closes the transport that makes the attempts.

        Example:
            >>> import asyncio
            >>> from undaunted.httpx import AsyncRetryTransport
            >>> asyncio.run(AsyncRetryTransport().aclose())
        """
        await self._transport.aclose()


class _Repeats:
    """After which failures a request may be repeated."""

    def __init__(self, request: httpx.Request, config: RetryConfig) -> None:
        self._request = request
        self._config = config
        self._is_replayable = _can_replay(request.stream)
        has_key = "idempotency-key" in request.headers
        self._is_idempotent = has_key or request.method in _IDEMPOTENT
        self._has_begun = False
        self._was_cut = False
        # A query may have secrets, and metrics must not have a series for each path.
        self.name = Subjected(f"{request.method} {request.url.host}", request.url.path)

    @contextmanager
    def attempt(self) -> Generator[None]:
        """Around an attempt: its failures without a response, and whether it is cut.

        Raises:
            httpx.TransportError: If it got no response, and may be repeated.
        """
        self._has_begun = True
        try:
            yield
        except httpx.TransportError as error:
            raise self._or_final(error) from error.__cause__
        except Exception:
            raise
        except BaseException:
            self._was_cut = True
            raise

    def response(self, error: Exception) -> httpx.Response:
        """The response that ends the call, or the exception that does.

        Raises:
            httpx.TransportError: If the last attempt got no response.
        """
        is_timeout = isinstance(error, TimeoutError)
        if self._was_cut and (is_timeout or not self._is_idempotent):
            # An earlier failure would tell the caller that the request was not processed.
            text = str(error) if is_timeout else _CUT
            raise httpx.ReadTimeout(text, request=self._request) from error
        if is_timeout and not self._has_begun:
            raise httpx.TimeoutException(str(error), request=self._request) from error
        if isinstance(error, httpx.HTTPStatusError):
            return error.response
        raise error

    def is_failure(self, response: httpx.Response) -> bool:
        """Whether the response is a failure after which the request may be repeated."""
        was_refused = response.status_code == _TOO_MANY_REQUESTS
        may_repeat = self._is_replayable and (self._is_idempotent or was_refused)
        is_error = may_repeat and response.is_error
        return is_error and self._config.is_retryable(self._error(response))

    def failure(self, response: httpx.Response, body: bytes) -> httpx.HTTPStatusError:
        """A failed response whose body was read, as an exception."""
        again = httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(body),
            request=self._request,
            extensions=response.extensions,
        )
        return self._error(again)

    def _or_final(self, error: httpx.TransportError) -> BaseException:
        """The failure of an attempt without a response; one that ends the call if the request may
        have been processed, or cannot be sent again.
        """
        is_unsent = isinstance(error, _UNSENT)
        may_repeat = is_unsent or (self._is_idempotent and self._is_replayable)
        return error if may_repeat else _FinalError(error)

    def _error(self, response: httpx.Response) -> httpx.HTTPStatusError:
        text = f"{response.status_code} {response.reason_phrase}"
        return httpx.HTTPStatusError(text, request=self._request, response=response)


def _checked(config: RetryConfig | None, transport: str, client: str) -> RetryConfig:
    """The configuration, or the default one. A request that it would cut may have been processed,
    which the loop around the attempts does not know; errors of httpx say whether it was sent.
    """
    if config is None:
        return RetryConfig()
    limit = config_of(config).attempt_timeout
    if limit is not None:
        raise ValueError(
            f"attempt_timeout is {limit}, but {transport} leaves the time of each attempt to the "
            f"client: remove it, and use httpx.{client}(timeout={limit})"
        )
    return config


def _can_replay(stream: object) -> bool:
    """Whether a body can be sent again: bytes, or a form whose files can seek. Of a file that
    cannot, the second attempt would send what is left, and report success.
    """
    fields: list[object] | None = getattr(stream, "fields", None)
    if fields is None:
        return isinstance(stream, httpx.ByteStream)
    files = (getattr(each, "file", b"") for each in fields)
    return all(isinstance(file, (bytes, str)) or _can_seek(file) for file in files)


def _can_seek(file: object) -> bool:
    seekable: Callable[[], bool] | None = getattr(file, "seekable", None)
    return seekable is not None and seekable()


class _FinalError(Escape):
    """A failure after which the request is not repeated, whatever the configuration says."""

    def __init__(self, error: httpx.TransportError) -> None:
        super().__init__()
        self.error = error


_IDEMPOTENT = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})

_CUT = "no time was left to wait for the response; the request may have been processed"

_TOO_MANY_REQUESTS = 429
"""The service refused the request, whatever its method is."""

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""There was no connection over which the request could have been sent."""
