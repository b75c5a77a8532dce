//! Whom to forget when more clients have gone away than are remembered.

use std::{collections::HashMap, time::Duration};

use crate::{ClientId, KernelLimits};

/// How many are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RememberedMax {
    /// Of one user, so that nobody makes others be forgotten.
    of_one_user: usize,
    of_all: usize,
    /// For how long one is remembered whole that has said goodbye.
    pub(super) return_wait: Duration,
    /// For how long what its requests have said is kept after their end.
    pub(super) owed_wait: Duration,
}

/// A client that has gone away.
pub(super) struct Gone {
    pub(super) client: ClientId,
    /// The larger, the later it came.
    pub(super) generation: u64,
    /// Whether it has asked for something that it does not have yet.
    pub(super) is_owed: bool,
}

impl Gone {
    fn user(&self) -> Option<Box<str>> {
        self.client.user().map(Into::into)
    }
}

impl RememberedMax {
    pub(crate) fn new(limits: &KernelLimits) -> Self {
        Self {
            of_one_user: limits.remembered_clients_max,
            of_all: limits.remembered_clients_total_max,
            return_wait: limits.return_wait,
            owed_wait: limits.owed_wait,
        }
    }

    /// Whether there may be too many.
    pub(super) fn may_be_exceeded_by(self, gone: usize) -> bool {
        gone > self.of_one_user.min(self.of_all)
    }

    /// Those to forget: first who is owed nothing, and of these the longest gone.
    pub(super) fn too_many(self, mut gone: Vec<Gone>) -> Vec<ClientId> {
        gone.sort_unstable_by_key(|gone| (gone.is_owed, gone.generation));
        let mut of_user: HashMap<Option<Box<str>>, usize> = HashMap::new();
        for gone in &gone {
            let count = of_user.entry(gone.user()).or_default();
            *count = count.saturating_add(1);
        }
        let mut forgotten = Vec::new();
        gone.retain(|gone| {
            let count = of_user.entry(gone.user()).or_default();
            let is_too_many = *count > self.of_one_user;
            if is_too_many {
                *count = count.saturating_sub(1);
                forgotten.push(gone.client.clone());
            }
            !is_too_many
        });
        let too_many = gone.len().saturating_sub(self.of_all);
        forgotten.extend(gone.into_iter().take(too_many).map(|gone| gone.client));
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forgotten(max: (usize, usize), gone: &[(&str, &str, bool)]) -> Vec<String> {
        let max = RememberedMax {
            of_one_user: max.0,
            of_all: max.1,
            return_wait: Duration::ZERO,
            owed_wait: Duration::ZERO,
        };
        let gone = gone.iter().zip(0..);
        let gone = gone.map(|(&(user, session, is_owed), generation)| Gone {
            client: ClientId::of_user(Some(user).filter(|user| !user.is_empty()), session),
            generation,
            is_owed,
        });
        let session = |client: ClientId| client.as_str().rsplit_once('/').unwrap().1.to_owned();
        max.too_many(gone.collect()).into_iter().map(session).collect()
    }

    #[test]
    fn nobody_is_forgotten_for_the_clients_of_another_user() {
        let gone = [
            ("ada", "a", false),
            ("", "0", false),
            ("bob", "1", false),
            ("bob", "2", false),
            ("bob", "3", false),
        ];
        assert_eq!(forgotten((2, 10), &gone), ["1"]);
    }

    #[test]
    fn who_is_owed_something_is_forgotten_last() {
        let gone = [
            ("ada", "a", true),
            ("ada", "1", false),
            ("ada", "2", false),
            ("bob", "3", false),
        ];
        assert_eq!(forgotten((2, 10), &gone), ["1"]);
        assert_eq!(forgotten((1, 10), &gone), ["1", "2"]);
        assert_eq!(forgotten((10, 1), &gone), ["1", "2", "3"]);
        let all_owed = [("ada", "a", true), ("ada", "b", true)];
        assert_eq!(forgotten((1, 10), &all_owed), ["a"]);
    }
}
