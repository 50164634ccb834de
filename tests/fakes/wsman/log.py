"""A line of JSON for each request and event, for tests to look at."""

import json
import threading


class Log:
    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=1) if path else None
        self._lock = threading.Lock()

    def write(self, line: dict) -> None:
        if self._file:
            with self._lock:
                self._file.write(json.dumps(line, sort_keys=True) + "\n")


def headers_without_secrets(headers: dict) -> dict:
    """Of Authorization only the scheme stays."""
    shown = dict(headers)
    if "authorization" in shown:
        shown["authorization"] = shown["authorization"].split(" ")[0]
    return shown
