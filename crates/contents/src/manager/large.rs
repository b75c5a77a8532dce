//! Work on large documents: only so much of it at once, so that many who open one do not take many times its memory,
//! and on threads that give way, so that nobody's cell waits for somebody else's notebook.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{ContentsManager, Shared};
use crate::error::ContentsError;
use crate::path::ContentsPath;

/// What has more bytes is large; anything else is done in ten milliseconds.
const LARGE_BYTES: u64 = 4 << 20;
/// The room that a large document takes which is never in memory whole: that of the smallest.
const STREAMED_BYTES: u64 = LARGE_BYTES + 1;
/// Bytes that one permit stands for.
const PERMIT_BYTES: u64 = 1 << 10;
/// How far behind the threads of the server these threads stand, in the words of `nice`.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// The room for large documents.
pub(super) struct Room {
    permits: Arc<Semaphore>,
    permits_max: u32,
}

impl Room {
    /// For so many bytes of documents at once. A larger one has it for itself.
    pub(super) fn new(bytes_max: u64) -> Self {
        let permits_max = u32::try_from(bytes_max / PERMIT_BYTES).unwrap_or(u32::MAX).max(1);
        Self {
            permits: Arc::new(Semaphore::new(permits_max as usize)),
            permits_max,
        }
    }

    /// Waits until there is room.
    async fn enter(&self, bytes: u64) -> Result<OwnedSemaphorePermit, ContentsError> {
        let wanted = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.permits);
        // Nobody closes it.
        permits
            .acquire_many_owned(wanted.clamp(1, self.permits_max))
            .await
            .map_err(|_| ContentsError::Stopping)
    }
}

fn is_large(bytes: u64) -> bool {
    bytes > LARGE_BYTES
}

impl Shared {
    /// The room that work on the file `path` takes, if that is large: little where it is `streamed`.
    pub(super) fn large_bytes(&self, path: &ContentsPath, streamed: bool) -> Option<u64> {
        // What cannot be opened is not read either.
        let bytes = self.storage.open_file(path).map_or(0, |open| open.size);
        is_large(bytes).then_some(if streamed { STREAMED_BYTES } else { bytes })
    }
}

impl ContentsManager {
    /// Does `work`, which blocks, on the document `path`; `large_bytes` tells the room that it takes, if it is large.
    pub(super) async fn blocking_by_size<T, F>(
        &self,
        path: &ContentsPath,
        large_bytes: impl FnOnce(&Shared) -> Option<u64> + Send + 'static,
        work: F,
    ) -> Result<T, ContentsError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, ContentsError> + Send + 'static,
    {
        let small = self.blocking(move |shared| match large_bytes(shared) {
            Some(bytes) => Ok(Err((bytes, work))),
            None => work(shared).map(Ok),
        });
        match small.await? {
            Ok(result) => Ok(result),
            Err((bytes, work)) => self.blocking_on(path, bytes, work).await,
        }
    }

    /// Does `work`, which blocks, on the document `path` of so many bytes.
    pub(super) async fn blocking_on<T, F>(
        &self,
        path: &ContentsPath,
        bytes: u64,
        work: F,
    ) -> Result<T, ContentsError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, ContentsError> + Send + 'static,
    {
        if !is_large(bytes) {
            return self.blocking(work).await;
        }
        let room = self.shared.room.enter(bytes).await?;
        let shared = Arc::clone(&self.shared);
        let (send, receive) = oneshot::channel();
        let span = tracing::Span::current();
        let runtime = Handle::current();
        let thread = std::thread::Builder::new().name("large-document".to_owned());
        let thread = thread.spawn(move || {
            give_way();
            // For the commands of a save, which wait for programs.
            let _entered = runtime.enter();
            let result = span.in_scope(|| work(&shared));
            drop(room);
            // Who asked may be gone; then nobody waits for the result.
            drop(send.send(result));
        });
        let thread = thread.map_err(|source| ContentsError::from_io("starting to work on", path, source))?;
        match receive.await {
            Ok(result) => result,
            Err(_) => match thread.join() {
                Ok(()) => Err(ContentsError::Stopping),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// Makes this thread, and on Linux only this thread, one that runs when others do not want to.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "work on a large document goes on at the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Get;
    use super::super::tests::{Served, path, serve, serve_with};
    use super::*;

    /// Whether there is room now.
    async fn try_enter(room: &Room, bytes: u64) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            permit = room.enter(bytes) => Some(permit.unwrap()),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn documents_wait_until_there_is_room_for_them() {
        let room = Room::new(100 * PERMIT_BYTES);
        let first = try_enter(&room, 60 * PERMIT_BYTES).await.unwrap();
        let second = try_enter(&room, 40 * PERMIT_BYTES).await.unwrap();
        assert!(try_enter(&room, PERMIT_BYTES).await.is_none());
        drop(second);
        assert!(try_enter(&room, 40 * PERMIT_BYTES).await.is_some());
        assert!(try_enter(&room, u64::MAX).await.is_none());
        drop(first);
        assert!(
            try_enter(&room, u64::MAX).await.is_some(),
            "the largest has it for itself"
        );
    }

    #[tokio::test]
    async fn what_is_streamed_takes_little_room_and_what_is_read_takes_its_size() {
        let served = serve();
        let commanded = serve_with(|config| config.save_commands.before = vec!["true".to_owned()]);
        for served in [&served, &commanded] {
            for name in ["a.bin", "n.ipynb"] {
                served.write(name, b"");
                let file = std::fs::File::options().write(true).open(served.root.join(name));
                file.unwrap().set_len(1 << 30).unwrap();
            }
            served.write("small", b"x");
        }
        let copying = |served: &Served, name| served.manager.shared.large_bytes_to_copy(&path(name));
        assert_eq!(copying(&served, "a.bin"), Some(STREAMED_BYTES));
        assert_eq!(copying(&served, "n.ipynb"), Some(1 << 30));
        assert_eq!(copying(&served, "small"), None);
        assert_eq!(copying(&commanded, "a.bin"), Some(1 << 30));
        let getting = |content, hash| {
            let get = Get {
                content,
                hash,
                ..Get::default()
            };
            served.manager.shared.large_bytes_to_get(&path("a.bin"), get)
        };
        assert_eq!(getting(false, false), None);
        assert_eq!(getting(false, true), Some(STREAMED_BYTES));
        assert_eq!(getting(true, true), Some(1 << 30));
    }
}
