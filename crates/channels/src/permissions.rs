//! Whether this client may send messages of a class.

use crate::Class;

/// Answers for one connection. Implemented where users and policies are known.
pub trait Permissions: Send {
    /// Whether messages of this class may pass.
    ///
    /// Asked once for each class and connection, and again after [`changed`](Self::changed).
    fn check(&self, class: Class) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Whether an earlier answer may be another now. Asked before each message, so it must be cheap; says yes
    /// once for each change.
    fn changed(&mut self) -> bool;
}

/// Why a message does not pass, as a sentence for the person who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// What has been answered so far.
pub(crate) struct Verdicts<P> {
    permissions: P,
    known: [Option<Result<(), Refusal>>; Class::ALL.len()],
}

impl<P: Permissions> Verdicts<P> {
    pub(crate) fn new(permissions: P) -> Self {
        Self {
            permissions,
            known: [None, None, None],
        }
    }

    pub(crate) async fn check(&mut self, class: Class) -> Result<(), Refusal> {
        if self.permissions.changed() {
            self.known = [None, None, None];
        }
        if let Some(Some(verdict)) = self.known.get(class.index()) {
            return verdict.clone();
        }
        let verdict = self.permissions.check(class).await;
        if let Some(place) = self.known.get_mut(class.index()) {
            *place = Some(verdict.clone());
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Counting {
        asked: Arc<AtomicUsize>,
        changed: Arc<AtomicBool>,
    }

    impl Permissions for Counting {
        async fn check(&self, class: Class) -> Result<(), Refusal> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if class == Class::Query {
                Ok(())
            } else {
                Err(Refusal("no".to_owned()))
            }
        }

        fn changed(&mut self) -> bool {
            self.changed.swap(false, Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_class_is_asked_about_once_until_something_changes() {
        let permissions = Counting::default();
        let mut verdicts = Verdicts::new(permissions.clone());
        for _ in 0..3 {
            assert!(verdicts.check(Class::Query).await.is_ok());
            assert!(verdicts.check(Class::Execute).await.is_err());
        }
        assert_eq!(permissions.asked.load(Ordering::Relaxed), 2);
        permissions.changed.store(true, Ordering::Relaxed);
        assert!(verdicts.check(Class::Query).await.is_ok());
        assert_eq!(permissions.asked.load(Ordering::Relaxed), 3);
    }
}
