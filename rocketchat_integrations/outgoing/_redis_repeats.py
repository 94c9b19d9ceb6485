"""Remember the answers to recent calls in Redis, for a bot with several processes or machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ConfigurationError

from ._repeats import SECONDS
from ._replies import Answer

if TYPE_CHECKING:
    from redis import Redis

_CONNECT_SECONDS = 1.0
_CLAIM_MILLISECONDS = 60_000


class RedisRepeats:
    """Remembers the answers to recent calls in Redis, for a bot with several processes or machines.

    Give it to each of them: ``WebhookApp(token=…, repeats=RedisRepeats("redis://localhost:6379/0"))``. Without it, a
    call that Rocket.Chat repeats can reach a process that does not know the first one, and act twice.

    Redis keeps the whole answer, which may quote messages, for as long as ``seconds``. Tokens and payloads are not
    stored, only digests of them. If Redis does not answer within a second, the bot logs that at WARNING and goes on:
    until Redis is back, repeats are not recognized.

    A process that handles a call claims it. An equal call in another process waits up to 15 seconds for the answer, is
    answered with 503 after that, and runs if the first one fails. A claim ends after 60 seconds, so that a call whose
    process was killed can run again; if the first one still runs after 60 seconds, an equal call acts a second time.

    Needs the extra ``redis``. May be shared by threads; with processes that fork, Redis' client opens a connection for
    each of them.

    Args:
        redis: the URL of a Redis server, such as ``redis://:password@host:6379/0`` or ``unix:///run/redis.sock``, or a
            client, ``redis.Redis``, with timeouts of your own.
        prefix: how the keys in Redis begin. Bots that share a Redis can share the prefix: a key depends on the token.
        seconds: how long an answer is remembered; 300 by default. The waits between the retries of an integration
            should not be longer.

    Raises:
        ConfigurationError: the extra ``redis`` is not installed, the URL is not one of Redis, or an argument is wrong.
    """

    @sealed
    def __init__(
        self, redis: str | Redis, *, prefix: str = "rocketchat-integrations:repeats:", seconds: float = SECONDS
    ) -> None:
        if not seconds > 0:
            raise ConfigurationError("seconds: must be positive")
        self._redis: Any = _client(redis) if isinstance(redis, str) else redis
        self._prefix = prefix
        self._milliseconds = max(1, round(seconds * 1000))

    def find(self, key: str) -> Answer | None:
        """Return the answer to an earlier call with this key; None if there is none.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        found: bytes | str | None = self._redis.get(self._prefix + key)
        if found is None:
            return None
        answer: Mapping[str, Any] = json.loads(found)
        return Answer(answer["status"], answer["content_type"], answer["body"].encode())

    def add(self, key: str, answer: Answer) -> None:
        """Remember the answer to a call, unless there is one for its key already.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        value = {"status": answer.status, "content_type": answer.content_type, "body": answer.body.decode()}
        self._redis.set(self._prefix + key, json.dumps(value), nx=True, px=self._milliseconds)

    def claim(self, key: str) -> bool:
        """Claim a call for this process, for 60 seconds.

        Returns:
            Whether it is claimed now; False if it was claimed already.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        return bool(self._redis.set(self._claim_key(key), b"", nx=True, px=_CLAIM_MILLISECONDS))

    def release(self, key: str) -> None:
        """Give up the claim of a call without a stored answer, so that it can run again.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        self._redis.delete(self._claim_key(key))

    def _claim_key(self, key: str) -> str:
        return f"{self._prefix}{key}:claim"

    def __repr__(self) -> str:
        return f"RedisRepeats(prefix={self._prefix!r})"


def _client(url: str) -> Redis:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        problem = "RedisRepeats needs the package redis: pip install 'rocketchat-integrations[redis]'"
    else:
        try:
            # The defaults retry for seconds, while Rocket.Chat waits for the answer.
            client: Redis = cast(Any, Redis).from_url(  # its types are incomplete
                url,
                socket_connect_timeout=_CONNECT_SECONDS,
                socket_timeout=_CONNECT_SECONDS,
                retry=Retry(NoBackoff(), 1),
            )
            return client
        except ValueError:
            problem = "redis: must be a URL that begins with redis://, rediss:// or unix://"
    raise ConfigurationError(problem)
