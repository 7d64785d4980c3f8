"""Connections that may be used again, the last one first."""

from aihandler.backends.http.connection import Connection
from aihandler.backends.http.limits import HttpLimits


class Pool:
    """All connections to one origin under one set of TLS settings."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()

    def take(self, now: float) -> Connection | None:
        """A connection that is open and fresh, or None."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < self._limits.keep_alive_s:
                return connection
            connection.abort()
        return None

    def create(self) -> Connection:
        """A connection without a socket; made known to the pool."""
        connection = Connection(self._limits, released=self._release)
        self._all.add(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """Drops a connection that never came to be."""
        self._all.discard(connection)

    async def close(self) -> None:
        """Closes every connection, used ones too, and waits until their sockets are gone."""
        remaining = [connection for connection in self._all if connection.opened]
        for connection in remaining:
            connection.close()
        for connection in remaining:
            await connection.gone.wait()

    def _release(self, connection: Connection) -> None:
        if connection.usable and len(self._idle) < self._limits.idle_connections:
            self._idle.append(connection)
            return
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.gone.is_set():
            self._all.discard(connection)
        else:
            connection.abort()
