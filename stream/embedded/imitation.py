"""A Redis in Python, for machines that have none: fakeredis behind a TCP port. Slower, with the same commands.

$ python -m stream.embedded.imitation 6399
"""

import sys
from typing import Any

from stream.embedded.port import LOOPBACK


def serve(port: int) -> None:
    import redis
    from fakeredis import TcpFakeServer

    server = TcpFakeServer((LOOPBACK, port), server_type="redis", server_version=(7, 0))
    server.daemon_threads = True  # a client that stays connected must not keep the process alive
    conversation: Any = server.RequestHandlerClass

    class ErrorIsAReply(conversation):  # type: ignore[misc]
        """fakeredis 2.40 hangs up after an error; Redis goes on, and a client that gets NOSCRIPT relies on it."""

        def setup(self) -> None:
            super().setup()
            read = self.current_client.read_response

            def reply(*args: Any, **options: Any) -> Any:
                try:
                    return read(*args, **options)
                except redis.ResponseError as error:
                    return error

            self.current_client.read_response = reply

    server.RequestHandlerClass = ErrorIsAReply
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
