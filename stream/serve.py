"""The pages of one worker: `/startupz` (it has begun), `/livez` (it makes progress), `/readyz` (it has its lanes, or
stands by), `/metrics`.

On loopback and read only. A thread of its own answers, so a page comes even while the loop waits for Kafka.

>>> pages = Pages(Http(), live=lambda: "", ready=lambda: "no lanes are assigned yet", metrics=lambda: b"")
>>> pages.answer("/livez"), pages.answer("/readyz")
((200, b'ok\\n'), (503, b'no lanes are assigned yet\\n'))
"""

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from stream.engine.surprise import Surprise
from stream.loopback import exposed
from stream.settings import Http

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATIENCE_S = 5.0  # with a client that does not ask its question
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text exposition format
STATUSES = {200: "200 OK", 404: "404 Not Found", 405: "405 Method Not Allowed", 503: "503 Service Unavailable"}


class Pages:
    """`begun`, `live` and `ready` say why not, or nothing; `duty` says what a ready worker does; `metrics` gives the
    text that Prometheus reads."""

    def __init__(
        self,
        http: Http,
        *,
        live: Callable[[], str],
        ready: Callable[[], str],
        metrics: Callable[[], bytes],
        begun: Callable[[], str] = lambda: "",
        duty: Callable[[], str] = lambda: "ok",
    ) -> None:
        self._http = http
        self._live, self._ready, self._metrics = live, ready, metrics
        self._begun, self._duty = begun, duty

    def serve(self) -> str:
        """Answer from now on, for as long as the process lives; the address as `host:port`."""
        host, port = self._http.host, self._http.port
        if wrong := exposed(self._http):
            raise Surprise(wrong)
        try:
            server = make_server(host, port, self._respond, _server_of(host), _Quiet)
        except OSError as refusal:
            raise Surprise(
                f"http://{host}:{port} cannot be served: {(refusal.strerror or str(refusal)).lower()}; "
                "choose another http.port, or 0 for any that is free"
            ) from None
        threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{server.server_port}"

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body of a page."""
        match path:
            case "/startupz":
                return _verdict(self._begun())
            case "/livez":
                return _verdict(self._live())
            case "/readyz":
                return _verdict(self._live() or self._ready(), self._duty())
            case "/metrics":
                return 200, self._metrics()
            case _:
                return 404, b"There are /startupz, /livez, /readyz and /metrics.\n"

    def _respond(self, request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if request["REQUEST_METHOD"] in ("GET", "HEAD"):
            status, body = self.answer(request["PATH_INFO"])
        else:
            status, body = 405, b"These pages are only read.\n"
        kind = METRICS_TYPE if request["PATH_INFO"] == "/metrics" else "text/plain; charset=utf-8"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
        start(STATUSES[status], [*headers, ("Cache-Control", "no-store")])
        return [b"" if request["REQUEST_METHOD"] == "HEAD" else body]


def _verdict(why: str, otherwise: str = "ok") -> tuple[int, bytes]:
    return (503, f"{why}\n".encode()) if why else (200, f"{otherwise}\n".encode())


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a question: one client that dawdles must not make a worker look dead."""

    daemon_threads = True

    def server_bind(self) -> None:
        """As HTTPServer, without the name look-up that can hang for seconds where there is no DNS."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server_of(host: str) -> type[_Server]:
    return _Server6 if ":" in host else _Server


class _Quiet(WSGIRequestHandler):
    """Probes ask every few seconds: their questions are no news."""

    timeout = PATIENCE_S

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""
