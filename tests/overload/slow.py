"""A server far away: a proxy on loopback that hands replies on late, as late as it is told.

with Slow(redis.port) as far:
    far.delay_s = 0.5
    connect(f"redis://127.0.0.1:{far.port}/0")
"""

import socket
import threading
import time
from typing import Self

from stream.embedded.port import LOOPBACK

BYTES = 65_536


class Slow:
    """Requests pass at once; every piece of a reply waits for `delay_s`."""

    def __init__(self, port: int) -> None:
        self.delay_s = 0.0
        self.replies = 0
        self._to = (LOOPBACK, port)
        self._listener = socket.create_server((LOOPBACK, 0), backlog=64)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, late: bool) -> None:
        """One direction of one connection, until either side has had enough."""
        try:
            while piece := source.recv(BYTES):
                if late:
                    self.replies += 1
                    time.sleep(self.delay_s)
                target.sendall(piece)
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()
