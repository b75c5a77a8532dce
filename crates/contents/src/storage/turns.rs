//! Who may change a file now: one change after the other for each file, so that what a change was promised about
//! the file (its version) still holds when it is made.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Kind, Storage};
use crate::path::ContentsPath;

/// What names a file whichever links lead to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    device: u64,
    /// Of the directory; of the file itself when it has several names.
    inode: u64,
    name: OsString,
}

/// The files that are being changed.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: Mutex<HashSet<Key>>,
    ended: Condvar,
}

/// The right to change one file. Nobody ever holds two, so nobody waits in a circle.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    key: Key,
}

impl Storage {
    /// Waits until nobody else changes what `path` names. `None` if it leads nowhere: the change itself will say so.
    pub(crate) fn turn(&self, path: &ContentsPath) -> Option<Turn> {
        let key = self.key(path).ok()?;
        let turns = Arc::clone(&self.turns);
        let mut taken = turns.taken();
        while taken.contains(&key) {
            taken = turns.ended.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        taken.insert(key.clone());
        drop(taken);
        Some(Turn { turns, key })
    }

    fn key(&self, path: &ContentsPath) -> io::Result<Key> {
        // Only a name is looked for. A circle of links is a name as good as any.
        let target = self.target(path).or_else(|_| self.name_itself(path))?;
        let (stat, name) = match target.old {
            Some(file) if Kind::of_mode(file.st_mode) == Kind::File && file.st_nlink > 1 => {
                (file, OsString::new())
            }
            _ => (rustix::fs::fstat(&target.directory)?, target.name),
        };
        Ok(Key {
            device: stat.st_dev,
            inode: stat.st_ino,
            name,
        })
    }
}

impl Turns {
    /// Nothing can panic while this is held; a poisoned set is as good as before.
    fn taken(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.key);
        self.turns.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::super::OutsideLinks;
    use super::*;

    #[test]
    fn one_file_has_one_turn_whatever_it_is_called() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir(root.join("d")).unwrap();
        std::fs::write(root.join("d/file"), "").unwrap();
        std::fs::write(root.join("names"), "").unwrap();
        std::fs::hard_link(root.join("names"), root.join("d/same")).unwrap();
        symlink("d", root.join("e")).unwrap();
        symlink("e/file", root.join("link")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        let storage = Storage::open(root, OutsideLinks::Follow, None).unwrap();
        let key = |path: &str| storage.key(&path.parse().unwrap()).ok();
        for (one, other) in [("d/file", "e/file"), ("d/file", "link"), ("names", "d/same")] {
            assert_eq!(key(one), key(other));
        }
        for (one, other) in [("d/file", "d/new"), ("d/new", "new"), ("circle", "new")] {
            assert!(key(one).is_some());
            assert_ne!(key(one), key(other));
        }
        assert_eq!(key("none/file"), None);
    }

    #[test]
    fn a_second_turn_begins_when_the_first_ends() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(directory.path(), OutsideLinks::Follow, None).unwrap();
        let path: ContentsPath = "a".parse().unwrap();
        let first = storage.turn(&path);
        let other = storage.turn(&"b".parse().unwrap());
        assert!(first.is_some() && other.is_some());
        let (began, begins) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _second = storage.turn(&path);
                began.send(()).unwrap();
            });
            assert!(begins.recv_timeout(Duration::from_millis(50)).is_err());
            drop(first);
            begins.recv_timeout(Duration::from_secs(30)).unwrap();
        });
    }
}
