//! Jupyter messages as bytes: ZeroMQ frames, signatures and the two WebSocket subprotocols.
//!
//! Pure functions over values: no sockets, no runtime.
//! Source: <https://jupyter-client.readthedocs.io/en/stable/messaging.html>.
