//! Disk work off the threads that answer requests.

use crate::FrontendsError;

/// Runs `work` where blocking does no harm. A panic in it goes on in the caller.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FrontendsError> + Send + 'static,
) -> Result<T, FrontendsError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(FrontendsError::ShuttingDown),
        },
    }
}
