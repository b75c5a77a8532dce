//! One directory that is watched.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::snapshot::{self, Change, Difference};
use crate::path::ContentsPath;
use crate::storage::{OpenDirectory, Stamp};

/// More names than this are not remembered one by one; the whole directory is looked at instead.
const NAMES_MAX: usize = 1024;

/// A directory and what it held when it was last looked at.
pub(super) struct Watched {
    /// Where it lies; one directory may be reached in several ways.
    pub(super) paths: Vec<ContentsPath>,
    pub(super) open: OpenDirectory,
    /// The name the operating system watches it under.
    pub(super) os_name: PathBuf,
    /// `None`: more than are remembered.
    pub(super) entries: Option<HashMap<String, Stamp>>,
    /// It is looked at again and again.
    pub(super) is_polled: bool,
    pub(super) dirty: Dirty,
    /// It could not be looked at the last time.
    pub(super) has_failed: bool,
}

/// What may have changed since the last look.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) everything: bool,
    pub(super) names: HashSet<String>,
    moved_away: HashSet<String>,
    /// Something happened to a name that is not UTF-8, of which nothing more can be told.
    pub(super) unnamed: bool,
    /// Something was heard of the directory itself.
    pub(super) itself: bool,
}

impl Dirty {
    pub(super) fn is_clean(&self) -> bool {
        !self.everything && !self.unnamed && self.names.is_empty()
    }

    pub(super) fn add(&mut self, name: &str, moved_away: bool) {
        if self.names.len() >= NAMES_MAX {
            self.everything = true;
            return;
        }
        self.names.insert(name.to_owned());
        if moved_away {
            self.moved_away.insert(name.to_owned());
        }
    }
}

/// What the entries are now.
enum Seen {
    /// Those that may have changed.
    Some(HashMap<String, Stamp>),
    /// `None`: more than are remembered.
    All(Option<HashMap<String, Stamp>>),
}

/// What a look has found.
pub(super) enum Found {
    Differences(Vec<Difference>),
    /// More entries than are remembered, before or now.
    Unknown,
}

impl Watched {
    /// Looks at what may have changed, but for what `is_ours` just now, which stays for the next look.
    pub(super) fn look(
        &mut self,
        entries_max: usize,
        is_shown: impl Fn(&str) -> bool,
        is_ours: impl Fn(&ContentsPath) -> bool,
    ) -> std::io::Result<Found> {
        // What cannot be looked at now stays for the next look.
        let seen = self.see(entries_max, is_shown);
        self.has_failed = seen.is_err();
        let seen = seen?;
        let dirty = std::mem::take(&mut self.dirty);
        let (known, names, now) = match (&mut self.entries, seen) {
            (Some(known), Seen::Some(now)) => (known, dirty.names, now),
            (Some(known), Seen::All(Some(now))) => {
                let names = known.keys().chain(now.keys()).cloned().collect();
                (known, names, now)
            }
            (entries, Seen::All(all)) => {
                *entries = all;
                return Ok(Found::Unknown);
            }
            (None, Seen::Some(_)) => return Ok(Found::Unknown),
        };
        let mut differences = Vec::new();
        for name in names {
            let moved_away = dirty.moved_away.contains(&name);
            let paths = || self.paths.iter().filter_map(|path| path.join(&name).ok());
            if paths().any(|path| is_ours(&path)) {
                self.dirty.add(&name, moved_away);
                continue;
            }
            if let Some(change) = snapshot::look(known, &name, now.get(&name).copied(), moved_away) {
                differences.extend(paths().map(|path| Difference { path, change }));
            }
        }
        if known.len() > entries_max {
            self.entries = None;
            return Ok(Found::Unknown);
        }
        Ok(Found::Differences(differences))
    }

    fn see(&self, entries_max: usize, is_shown: impl Fn(&str) -> bool) -> std::io::Result<Seen> {
        if self.entries.is_none() || self.dirty.everything {
            return Ok(Seen::All(self.open.stamps(entries_max, is_shown)?));
        }
        let mut now = HashMap::new();
        for name in self.dirty.names.iter().filter(|name| is_shown(name)) {
            if let Some(stamp) = self.open.stamp(name)? {
                now.insert(name.clone(), stamp);
            }
        }
        Ok(Seen::Some(now))
    }

    /// Forgets that it was seen how a name has changed, so that the next look finds it once more, unless it is taken
    /// in before.
    pub(super) fn look_again(&mut self, name: &str, change: Change) {
        self.take_in(name, change.before());
        self.dirty.add(name, change.is_moved_away());
    }

    /// Takes in how this server left an entry.
    pub(super) fn take_in(&mut self, name: &str, stamp: Option<Stamp>) {
        match (&mut self.entries, stamp) {
            (Some(entries), Some(stamp)) => {
                entries.insert(name.to_owned(), stamp);
            }
            (Some(entries), None) => {
                entries.remove(name);
            }
            (None, _) => {
                self.dirty.names.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{OutsideLinks, Storage};

    #[test]
    fn what_could_not_be_looked_at_is_looked_at_again() {
        let root = tempfile::tempdir().unwrap();
        let storage = Storage::open(root.path(), OutsideLinks::default(), None).unwrap();
        let mut watched = Watched {
            paths: vec![ContentsPath::root()],
            open: storage.open_directory(&ContentsPath::root()).unwrap(),
            os_name: root.path().to_owned(),
            entries: Some(HashMap::new()),
            is_polled: false,
            dirty: Dirty::default(),
            has_failed: false,
        };
        std::fs::write(root.path().join("a.txt"), "").unwrap();
        let too_long = "x".repeat(1000);
        watched.dirty.add("a.txt", false);
        watched.dirty.add(&too_long, false);
        assert!(watched.look(10, |_| true, |_| false).is_err());
        assert!(watched.has_failed);
        watched.dirty.names.remove(&too_long);
        let Ok(Found::Differences(found)) = watched.look(10, |_| true, |_| false) else {
            panic!("it can be looked at now");
        };
        assert_eq!(found.len(), 1);
        assert!(!watched.has_failed && watched.dirty.is_clean());
    }
}
