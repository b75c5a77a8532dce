"""A TCP proxy in front of a server, whose connections a test can cut or silence."""

import selectors
import socket
import threading

PIECE_BYTES = 65_536
LOOK_EVERY_S = 0.1


class Proxy:
    """Passes on what comes, until it is told to cut all WebSockets or to let nothing through."""

    def __init__(self, port: int):
        self.upstream = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs: set["Pair"] = set()
        self.cuts = 0
        self.refuses = False
        self.is_silent = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def cut_websockets(self) -> int:
        """Breaks every WebSocket at once; gives how many there were."""
        with self.lock:
            open_ = [pair for pair in self.pairs if pair.is_websocket]
        for pair in open_:
            pair.cut()
        self.cuts += len(open_)
        return len(open_)

    def sleep(self) -> None:
        """As a laptop whose lid is shut: all connections break, new ones are refused."""
        self.refuses = True
        with self.lock:
            open_ = list(self.pairs)
        for pair in open_:
            pair.cut()

    def fall_silent(self) -> None:
        """As a link that is gone: connections stay open, and nothing that is sent arrives, not even their end."""
        self.is_silent = True

    def wake(self) -> None:
        """Lets new connections through. Of those that were silenced nobody knows any more: they break."""
        if self.is_silent:
            self.sleep()
        self.is_silent = False
        self.refuses = False

    def close(self) -> None:
        self.listener.close()
        self.sleep()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            pair = Pair(self, client, socket.create_connection(("127.0.0.1", self.upstream)))
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=pair.serve, daemon=True).start()


class Pair:
    """A connection to the proxy and the one it makes to the server for it."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.is_websocket = False

    def serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.client, selectors.EVENT_READ, self.server)
            selector.register(self.server, selectors.EVENT_READ, self.client)
            try:
                while selector.get_map():
                    for key, _ in selector.select():
                        if self.proxy.is_silent:
                            if not swallow(key.fileobj):
                                selector.unregister(key.fileobj)
                            continue
                        piece = key.fileobj.recv(PIECE_BYTES)
                        if not piece:
                            return
                        if key.fileobj is self.client and b"upgrade: websocket" in piece.lower() and b"/channels?" in piece:
                            self.is_websocket = True
                        key.data.sendall(piece)
            except OSError:
                return
            finally:
                with self.proxy.lock:
                    self.proxy.pairs.discard(self)
                self.client.close()
                self.server.close()

    def cut(self) -> None:
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself


def swallow(end: socket.socket) -> bool:
    """Takes what has come; whether more may come."""
    try:
        return bool(end.recv(PIECE_BYTES))
    except OSError:
        return False
