"""A stand-in for a Vespa container: HTTP/2 without TLS, which is what `vespa feed` speaks."""

import json
import socket
import threading
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events


class Server:
    """Hands each request, as path and body, to a function that answers 200 if it returns, 400 if it raises."""

    def __init__(self, take: Callable[[str, bytes], None]) -> None:
        self.take = take
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        client.sendall(connection.data_to_send())
        requests: dict[int, tuple[str, bytearray]] = {}
        while data := client.recv(65_536):
            for event in connection.receive_data(data):
                match event:
                    case h2.events.RequestReceived():
                        requests[event.stream_id] = (dict(event.headers)[":path"], bytearray())
                    case h2.events.DataReceived():
                        requests[event.stream_id][1].extend(event.data)
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    case h2.events.StreamEnded():
                        self.answer(connection, event.stream_id, *requests.pop(event.stream_id))
            client.sendall(connection.data_to_send())

    def answer(self, connection: h2.connection.H2Connection, stream: int, path: str, body: bytearray) -> None:
        try:
            self.take(path, bytes(body))
            status, message = "200", {}
        except Exception as error:
            status, message = "400", {"message": repr(error)}
        connection.send_headers(stream, [(":status", status), ("content-type", "application/json")])
        connection.send_data(stream, json.dumps(message).encode(), end_stream=True)

    def close(self) -> None:
        self.listener.close()
