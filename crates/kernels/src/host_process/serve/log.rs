//! The log of a host: kept in memory, a bounded part of it, until a server takes it into its own.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::host_process::protocol::LogLine;

/// What is kept while no server takes it, or it takes it too slowly; the oldest goes first.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// The target of what the kernel itself writes.
const KERNEL_OUTPUT: &str = "kernel_output";

/// The log of this process.
#[derive(Default)]
pub(super) struct Log {
    /// A plain mutex, never held across an await.
    lines: Mutex<Lines>,
    written: Notify,
}

#[derive(Default)]
struct Lines {
    lines: VecDeque<LogLine>,
    bytes: usize,
    left_out: u64,
}

impl Log {
    /// From here on everything this process logs is kept.
    pub(super) fn start() -> Arc<Self> {
        let log = Arc::new(Self::default());
        // It is the first thing in this process to do so.
        let _is_first = tracing::subscriber::set_global_default(Writer(log.clone()));
        log
    }

    /// What was written since the last time.
    pub(super) fn take(&self) -> Vec<LogLine> {
        let Lines { lines, left_out, .. } = std::mem::take(&mut *self.lock());
        let mut taken: Vec<LogLine> = lines.into();
        if left_out > 0 {
            let line = LogLine {
                level: Level::WARN.to_string(),
                is_kernel_output: false,
                text: format!("{left_out} lines of the log of a kernel's host were left out"),
            };
            taken.insert(0, line);
        }
        taken
    }

    /// Completes when something was written.
    pub(super) async fn written(&self) {
        self.written.notified().await;
    }

    fn write(&self, line: LogLine) {
        let mut lines = self.lock();
        lines.bytes = lines.bytes.saturating_add(line.text.len());
        lines.lines.push_back(line);
        while lines.bytes > KEPT_BYTES_MAX
            && let Some(oldest) = lines.lines.pop_front()
        {
            lines.bytes = lines.bytes.saturating_sub(oldest.text.len());
            lines.left_out = lines.left_out.saturating_add(1);
        }
        drop(lines);
        self.written.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes events into the log. There are no spans in a host.
struct Writer(Arc<Log>);

impl Subscriber for Writer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
            && (metadata.target() == KERNEL_OUTPUT || metadata.target().starts_with("kernels"))
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.write(LogLine {
            level: event.metadata().level().to_string(),
            is_kernel_output: event.metadata().target() == KERNEL_OUTPUT,
            text: text.message + &text.fields,
        });
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

/// An event as one line: the message, then the fields. Whose kernel it is, the server knows.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a string does not fail.
        let _written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "id" | "kernel.id" => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: String) -> LogLine {
        LogLine {
            level: "INFO".to_owned(),
            is_kernel_output: true,
            text,
        }
    }

    #[test]
    fn what_no_server_takes_is_bounded_and_what_is_left_out_is_said() {
        let log = Log::default();
        for _ in 0..100 {
            log.write(line("x".repeat(10_000)));
        }
        let taken = log.take();
        let bytes: usize = taken.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= KEPT_BYTES_MAX + 100);
        assert!(taken[0].text.starts_with("74 lines"), "{}", taken[0].text);
        assert!(log.take().is_empty());
    }
}
