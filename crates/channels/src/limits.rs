//! How much a connection may take.

use std::time::Duration;

/// The limits of one connection. The defaults suit a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many messages go into the WebSocket before it is flushed: a write for each costs nine times the CPU.
    pub batch_messages_max: usize,
    /// How many bytes go into the WebSocket before it is flushed (the message that crosses the line included).
    pub batch_bytes_max: usize,
    /// How many of the server's own messages may wait for a client that does not read; beyond, the server stops
    /// reading from that client.
    pub made_messages_max: usize,
    /// How many messages of a client may wait on one channel for a kernel that takes no more; beyond, the server stops
    /// reading from that client.
    pub waiting_messages_max: usize,
    /// How many bytes they may have together. One larger message may wait alone.
    pub waiting_bytes_max: u32,
    /// The largest question about the kernel, in bytes, from a client that may not execute: the kernel works on it, and
    /// on nothing else meanwhile.
    pub viewer_query_bytes_max: usize,
    /// How long after a client was asked what has arrived it is asked again, if it was sent more. At any time one
    /// question is open at most.
    pub confirm_interval: Duration,
    /// How many bytes are sent before a client is asked what has arrived, however short the time.
    pub confirm_bytes_max: usize,
    /// How often a silent connection is pinged, which also keeps proxies from closing it.
    pub ping_interval: Duration,
    /// How long a client may say nothing at all, not even an answer to a ping.
    pub silence_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_messages_max: 64,
            batch_bytes_max: 128 * 1024,
            made_messages_max: 64,
            waiting_messages_max: 4_096,
            waiting_bytes_max: 8 << 20,
            viewer_query_bytes_max: 64 * 1024,
            confirm_interval: Duration::from_millis(50),
            confirm_bytes_max: 1024 * 1024,
            // The reference's ZMQChannelsWebsocketConnection and tornado defaults.
            ping_interval: Duration::from_secs(30),
            silence_max: Duration::from_secs(90),
        }
    }
}
