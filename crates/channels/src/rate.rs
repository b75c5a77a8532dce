//! The reference's limits on how fast output goes to a client. Off unless somebody asks for them: backpressure and the
//! journal take their place, and nothing is dropped.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How fast output may go to a client (`ZMQChannelsWebsocketConnection`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// Messages a second (`iopub_msg_rate_limit`); 0 for any number.
    pub messages: f64,
    /// Bytes of streams a second (`iopub_data_rate_limit`); 0 for any number.
    pub bytes: f64,
    /// Over how long a time rates are taken (`rate_limit_window`).
    pub window: Duration,
}

/// Below this part of a limit, output goes on.
const RESUMES_BELOW: f64 = 0.8;

/// The state of one connection.
pub(crate) struct RateLimiter {
    limits: RateLimits,
    /// What was sent within the window: when, and bytes of streams.
    sent: VecDeque<(Instant, usize)>,
    bytes: usize,
    messages_exceeded: bool,
    bytes_exceeded: bool,
}

/// Whether an output goes to the client.
#[derive(Debug, PartialEq)]
pub(crate) enum Admitted {
    Yes,
    No,
    /// Not this one, and it is the first: what to tell.
    NoMore(String),
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            sent: VecDeque::new(),
            bytes: 0,
            messages_exceeded: false,
            bytes_exceeded: false,
        }
    }

    /// A request is done: the next begins anew, so that running all cells is not slowed by the ones before.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Counts an output; `stream_bytes` is 0 for what is no stream.
    pub(crate) fn admit(&mut self, stream_bytes: usize, now: Instant) -> Admitted {
        while let Some((sent, bytes)) = self.sent.front().copied()
            && now.duration_since(sent) >= self.limits.window
        {
            self.bytes = self.bytes.saturating_sub(bytes);
            self.sent.pop_front();
        }
        let seconds = self.limits.window.as_secs_f64();
        let message_rate = self.sent.len().saturating_add(1) as f64 / seconds;
        let byte_rate = self.bytes.saturating_add(stream_bytes) as f64 / seconds;
        let mut told = exceeds(&mut self.messages_exceeded, message_rate, self.limits.messages).then(|| {
            self.sentence(
                "message",
                "iopub_msg_rate_limit",
                self.limits.messages,
                "msgs/sec",
            )
        });
        if exceeds(&mut self.bytes_exceeded, byte_rate, self.limits.bytes) {
            told = Some(self.sentence("data", "iopub_data_rate_limit", self.limits.bytes, "bytes/sec"));
        }
        if self.messages_exceeded || self.bytes_exceeded {
            return told.map_or(Admitted::No, Admitted::NoMore);
        }
        self.sent.push_back((now, stream_bytes));
        self.bytes = self.bytes.saturating_add(stream_bytes);
        Admitted::Yes
    }

    fn sentence(&self, of: &str, setting: &str, limit: f64, unit: &str) -> String {
        let class = "ZMQChannelsWebsocketConnection";
        format!(
            "IOPub {of} rate exceeded.\n\
             The server stops sending output to this page until the rate is lower.\n\
             {class}.{setting}={limit} ({unit}), {class}.rate_limit_window={} (secs)",
            self.limits.window.as_secs_f64()
        )
    }
}

/// Follows a rate; whether it has just gone above the limit.
fn exceeds(exceeded: &mut bool, rate: f64, limit: f64) -> bool {
    let was_exceeded = *exceeded;
    if limit > 0.0 && rate > limit {
        *exceeded = true;
    } else if rate < RESUMES_BELOW * limit {
        *exceeded = false;
    }
    *exceeded && !was_exceeded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(messages: f64, bytes: f64) -> RateLimiter {
        RateLimiter::new(RateLimits {
            messages,
            bytes,
            window: Duration::from_secs(2),
        })
    }

    fn told(admitted: Admitted) -> String {
        match admitted {
            Admitted::NoMore(told) => told,
            admitted => format!("{admitted:?}"),
        }
    }

    #[test]
    fn what_is_above_a_rate_is_told_of_once_and_dropped_until_it_is_lower() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut limiter = limiter(5.0, 0.0);
        for _ in 0..10 {
            assert_eq!(limiter.admit(1_000_000, at(0)), Admitted::Yes);
        }
        let told = told(limiter.admit(0, at(1_000)));
        assert!(told.starts_with("IOPub message rate exceeded."), "{told}");
        assert!(told.contains("iopub_msg_rate_limit=5 "), "{told}");
        assert_eq!(limiter.admit(0, at(1_999)), Admitted::No);
        assert_eq!(limiter.admit(0, at(2_000)), Admitted::Yes);
    }

    #[test]
    fn only_the_bytes_of_streams_count() {
        let now = Instant::now();
        let mut limiter = limiter(0.0, 100.0);
        assert_eq!(limiter.admit(200, now), Admitted::Yes);
        assert_eq!(limiter.admit(0, now), Admitted::Yes);
        let told = told(limiter.admit(1, now));
        assert!(told.starts_with("IOPub data rate exceeded."), "{told}");
        assert_eq!(limiter.admit(0, now), Admitted::No);
    }

    #[test]
    fn it_begins_anew_when_a_request_is_done() {
        let now = Instant::now();
        let mut limiter = limiter(0.5, 0.0);
        assert_eq!(limiter.admit(0, now), Admitted::Yes);
        assert!(matches!(limiter.admit(0, now), Admitted::NoMore(_)));
        limiter.reset();
        assert_eq!(limiter.admit(0, now), Admitted::Yes);
    }
}
