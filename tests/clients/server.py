"""A `splade serve` of our own, on a port that the system chose."""

import atexit
import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request

from expected import DIMENSION, MODEL, TEXTS

READY_WITHIN = 120


def make_index(program, folder):
    """An index of the texts of the golden values, for /search."""
    corpus, vectors, index = folder / "corpus.jsonl", folder / "vectors.jsonl", folder / "texts.index"
    corpus.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in TEXTS.items()))
    for arguments in (
        ["encode", "-m", MODEL, "-i", corpus, "-o", vectors],
        ["index", "-i", vectors, "-o", index, "--dimension", str(DIMENSION)],
    ):
        subprocess.run([program, *arguments, "--quiet"], check=True)
    return index


class Server:
    """Starts the program, and ends it in order. With `key`, requests need it."""

    def __init__(self, program, *arguments, key=None):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPLADE_")}
        if key is not None:
            environment["SPLADE_API_KEY"] = key
        command = [program, "serve", "-m", str(MODEL), "--served-model-name", "splade-tiny", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        # Whatever comes: nothing of ours goes on.
        atexit.register(self.process.kill)
        self.log = []
        self.url = None
        listening = threading.Event()

        def read():
            for line in self.process.stderr:
                self.log.append(line)
                address = re.search(r"listening on (http://\S+?),? ", line)
                if address and self.url is None:
                    self.url = address[1]
                    listening.set()
            listening.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        listening.wait(READY_WITHIN)
        if self.url is None:
            self.process.kill()
            raise SystemExit(f"the server tells no address:\n{''.join(self.log)}")
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended:\n{''.join(self.log)}")
            try:
                urllib.request.urlopen(f"{self.url}/readyz").close()
                return
            except urllib.error.HTTPError:
                time.sleep(0.05)
        self.process.kill()
        raise SystemExit(f"the server does not get ready:\n{''.join(self.log)}")

    def stop(self):
        """Ends the server as an operator would, which must go well."""
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        assert code == 0, f"the server ended with {code}:\n{''.join(self.log)}"
        for line in self.log:
            assert "panicked" not in line, line
