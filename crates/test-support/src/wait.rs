//! Waiting for a condition with a deadline.

use std::time::Duration;

/// How long anything in a test may take. Generous: it is only ever waited out by a test that fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How often a condition is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The result of `future`, which must come before the deadline. `what` is what the panic says is missing.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(result) => result,
        Err(_) => panic!("waited {} s in vain for {what}", DEADLINE.as_secs()),
    }
}

/// Looks again and again until `look` gives something.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await
}
