//! What a kernel's process writes to its standard error and output: its end kept, to be shown when the kernel
//! dies, and all of it passed on to the log.

use std::{
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{io::AsyncReadExt, net::unix::pipe, sync::watch};
use tracing::info;

use crate::KernelId;

/// How much is read at once.
const READ_BYTES: usize = 8 << 10;

/// The longest line the log gets; a longer one is cut into several.
const LOG_LINE_BYTES_MAX: usize = 4 << 10;

/// The captured end of an output.
pub(super) struct Output {
    tail: Mutex<VecDeque<u8>>,
    tail_bytes_max: usize,
    /// Set when everyone who could write has closed it.
    closed: watch::Sender<bool>,
}

impl Output {
    /// Reads `pipe` until it is closed.
    pub(super) fn capture(
        pipe: OwnedFd,
        kernel_id: KernelId,
        tail_bytes_max: usize,
    ) -> io::Result<Arc<Self>> {
        let receiver = pipe::Receiver::from_owned_fd(pipe)?;
        let output = Arc::new(Self {
            tail: Mutex::default(),
            tail_bytes_max,
            closed: watch::Sender::new(false),
        });
        tokio::spawn(output.clone().read(receiver, kernel_id));
        Ok(output)
    }

    /// The end of it, as text.
    pub(super) fn tail(&self) -> String {
        String::from_utf8_lossy(self.lock().make_contiguous()).into_owned()
    }

    /// Completes when all has been read.
    pub(super) async fn closed(&self) {
        // The sender lives as long as `self`, so there is no error.
        let mut closed = self.closed.subscribe();
        let _closed = closed.wait_for(|closed| *closed).await;
    }

    async fn read(self: Arc<Self>, mut receiver: pipe::Receiver, kernel_id: KernelId) {
        let mut buffer = vec![0; READ_BYTES];
        let mut line = Vec::new();
        // A read error means what an end means: nothing more will come.
        while let Ok(count @ 1..) = receiver.read(&mut buffer).await {
            let bytes = buffer.get(..count).unwrap_or_default();
            self.keep(bytes);
            for byte in bytes {
                if *byte == b'\n' || line.len() >= LOG_LINE_BYTES_MAX {
                    log(&kernel_id, &mut line);
                }
                if *byte != b'\n' {
                    line.push(*byte);
                }
            }
        }
        log(&kernel_id, &mut line);
        self.closed.send_replace(true);
    }

    fn keep(&self, bytes: &[u8]) {
        let mut tail = self.lock();
        tail.extend(bytes);
        let too_many = tail.len().saturating_sub(self.tail_bytes_max);
        tail.drain(..too_many);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(kernel_id: &KernelId, line: &mut Vec<u8>) {
    if !line.trim_ascii().is_empty() {
        info!(target: "kernel_output", id = %kernel_id, "{}", String::from_utf8_lossy(line).trim_end());
    }
    line.clear();
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn only_the_end_is_kept() {
        let (reader, mut writer) = io::pipe().unwrap();
        let output = Output::capture(reader.into(), KernelId::random(), 10).unwrap();
        writer.write_all(b"0123456789\nabcdefgh\n").unwrap();
        drop(writer);
        output.closed().await;
        assert_eq!(output.tail(), "\nabcdefgh\n");
    }
}
