"""An HTTP proxy before a store, which does what networks and stores do at their worst."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fault:
    """What happens to the next `times` requests of a method whose path contains `part`.

    `unavailable`: 503. `cut`: half of the answer's body, then the connection ends. `lost`: the request is
    carried out, its answer never comes. `slow`: the body is not read for `seconds`. `hold`: the request waits,
    unseen by the store, until `release` is set; `reached` says that it came.
    """

    def __init__(self, kind, method, part, times=1, seconds=0.0, ends_in=""):
        self.kind, self.method, self.part, self.times, self.seconds = kind, method, part, times, seconds
        self.ends_in = ends_in
        self.met = 0
        self.reached, self.release = threading.Event(), threading.Event()

    def applies(self, method, path):
        path = path.split("?")[0]
        return (
            self.met < self.times and method == self.method and self.part in path and path.endswith(self.ends_in)
        )


class Proxy:
    """Forwards to 127.0.0.1:`port`, on a port that the system chose; `log` has (method, path, status)."""

    def __init__(self, port):
        self.faults, self.log, self.lock = [], [], threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self, port)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            # Clients that were killed are no news.
            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, *arguments, **options):
        fault = Fault(*arguments, **options)
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear(self):
        with self.lock:
            for fault in self.faults:
                fault.release.set()
            self.faults, self.log = [], []

    def count(self, method, part, ends_in=""):
        with self.lock:
            return sum(m == method and part in p and p.split("?")[0].endswith(ends_in) for m, p, _ in self.log)

    def fault_of(self, method, path):
        with self.lock:
            for fault in self.faults:
                if fault.applies(method, path):
                    fault.met += 1
                    return fault
        return None

    def handle(self, request, port):
        method, path = request.command, request.path
        fault = self.fault_of(method, path)
        kind = fault.kind if fault else None
        if kind == "slow":
            time.sleep(fault.seconds)
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        if kind == "hold":
            fault.reached.set()
            fault.release.wait(300)
            if fault.kind == "forgotten":
                request.close_connection = True
                return
        if kind == "unavailable":
            self.note(method, path, 503)
            text = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please wait.</Message></Error>"
            request.send_response(503)
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(b"" if method == "HEAD" else text)
            return
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.note(method, path, answer.status)
        if kind == "lost":
            request.close_connection = True
            return
        request.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "keep-alive"):
                request.send_header(name, value)
        size = answer.getheader("Content-Length") if method == "HEAD" else str(len(content))
        request.send_header("Content-Length", size or "0")
        request.end_headers()
        if kind == "cut":
            request.wfile.write(content[: len(content) // 2])
            request.wfile.flush()
            request.close_connection = True
            return
        request.wfile.write(content)

    def note(self, method, path, status):
        with self.lock:
            self.log.append((method, path, status))
