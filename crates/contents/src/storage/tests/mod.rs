//! The storage on a real directory.

mod interrupted;
mod kept;
mod links;
mod moved;
#[cfg(target_os = "linux")]
mod replaced;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{Existing, OutsideLinks, Storage};
use crate::path::ContentsPath;

/// A root directory, one beside it, and a journal.
struct Place {
    root: PathBuf,
    outside: PathBuf,
    journal: PathBuf,
    _directory: TempDir,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    // Links are to be told from the way to the root.
    let path = directory.path().canonicalize().unwrap();
    let place = Place {
        root: path.join("root"),
        outside: path.join("outside"),
        journal: path.join("journal"),
        _directory: directory,
    };
    std::fs::create_dir(&place.root).unwrap();
    std::fs::create_dir(&place.outside).unwrap();
    place
}

impl Place {
    fn open(&self) -> Storage {
        self.open_with(OutsideLinks::Follow)
    }

    fn open_with(&self, links: OutsideLinks) -> Storage {
        Storage::open(&self.root, links, Some(&self.journal)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.root.join(name)).unwrap()
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(directory)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn path(text: &str) -> ContentsPath {
    text.parse().unwrap()
}

fn save(storage: &Storage, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    storage.save(&path(name), &[bytes], Existing::Replace).map(drop)
}
