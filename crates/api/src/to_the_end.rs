//! Work that must not stop halfway.

use std::panic::resume_unwind;

use tracing::Instrument;

/// Does `work` to its end even when the client goes away meanwhile, which drops whatever is done for its request: what
/// was recorded about a kernel and what runs would then be two things.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The whole server stops.
            Err(_) => std::future::pending().await,
        },
    }
}
