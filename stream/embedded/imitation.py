"""A Redis in Python, for machines that have none: fakeredis behind a TCP port. Slower, with the same commands.

$ python -m stream.embedded.imitation 6399
"""

import sys

from stream.embedded.port import LOOPBACK


def serve(port: int) -> None:
    from fakeredis import TcpFakeServer

    server = TcpFakeServer((LOOPBACK, port), server_type="redis", server_version=(7, 0))
    server.daemon_threads = True  # a client that stays connected must not keep the process alive
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
