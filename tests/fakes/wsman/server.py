"""Listens, and gives each connection a thread of its own."""

import os
import select
import signal
import socket
import ssl
import threading

from .connection import Connection

_STACK = 512 * 1024


class Endpoint:
    """What all connections share."""

    def __init__(self, service, script, log, methods, seal: bool, skew_s: int):
        self.service = service
        self.script = script
        self.log = log
        self.methods = methods
        self.seal = seal
        self.skew_s = skew_s
        self._numbers = 0
        self._lock = threading.Lock()

    def next_number(self) -> int:
        with self._lock:
            self._numbers += 1
            return self._numbers


def listen(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 0))
    listener.listen(1024)
    return listener


def write_port(path: str, port: int) -> None:
    """At once, so that whoever waits for the file never sees half of it."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write("%d\n" % port)
    os.rename(path + ".new", path)


def _handle(endpoint: Endpoint, sock, number: int, tls) -> None:
    peer = None
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock = tls.wrap_socket(sock, server_side=True)
            peer = sock.getpeercert()
        Connection(endpoint, sock, number, peer).run()
    except (ssl.SSLError, OSError) as error:
        endpoint.log.write({"connection": number, "event": "tls", "error": str(error)})
    finally:
        # A file object that is still referenced somewhere would keep the connection open.
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client was faster
        sock.close()


def end_by(number: int) -> socket.socket:
    """What becomes readable when that signal comes. A signal that meets the process between two
    steps interrupts no system call, and may end none."""
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.detach())
    signal.signal(number, lambda *_: None)
    return woken


def serve(endpoint: Endpoint, listener: socket.socket, tls, end: socket.socket) -> None:
    """Until end becomes readable."""
    threading.stack_size(_STACK)
    number = 0
    while end not in select.select([listener, end], [], [])[0]:
        sock, _ = listener.accept()
        number += 1
        threading.Thread(target=_handle, args=(endpoint, sock, number, tls), daemon=True).start()
