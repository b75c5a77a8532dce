//! What a server that was killed leaves behind is put right by the next one, and by nobody too early.

use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use super::{Place, path, place, save};

const STRAY: &str = ".~0123456789abcdef.adrastea";

impl Place {
    /// The directory in the journal of a server that has ended.
    fn left_behind(&self) -> PathBuf {
        // Its parent is named for the root: opening tells how.
        drop(self.open());
        let of_root = std::fs::read_dir(&self.journal).unwrap().next().unwrap().unwrap();
        let directory = of_root.path().join("dead");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("lock"), b"").unwrap();
        directory
    }

    fn interrupted(&self, old: &[u8], new: &[u8]) -> PathBuf {
        let directory = self.left_behind();
        for (name, bytes) in [("0.old", old), ("0.new", new), ("0.path", b"\"a.txt\"")] {
            std::fs::write(directory.join(name), bytes).unwrap();
        }
        directory
    }
}

#[test]
fn a_file_that_was_torn_becomes_the_new_one() {
    for torn in ["NEW old old old", "NEW NEW old old"] {
        let place = place();
        let left = place.interrupted(b"old old old old", b"NEW NEW");
        place.write("a.txt", torn.as_bytes());
        drop(place.open());
        assert_eq!(place.read("a.txt"), b"NEW NEW", "{torn:?}");
        assert!(!left.exists());
    }
}

#[test]
fn a_file_that_is_whole_is_left_alone() {
    for whole in [b"old", b"new"] {
        let place = place();
        let left = place.interrupted(b"old", b"new");
        place.write("a.txt", whole);
        drop(place.open());
        assert_eq!(place.read("a.txt"), whole);
        assert!(!left.exists());
    }
}

#[test]
fn what_another_program_wrote_since_stays_and_the_copies_too() {
    for since in ["something else", "els", ""] {
        let place = place();
        let left = place.interrupted(b"old", b"new");
        place.write("a.txt", since.as_bytes());
        drop(place.open());
        assert_eq!(place.read("a.txt"), since.as_bytes());
        assert!(!left.exists());
        assert_eq!(std::fs::read(left.with_file_name("dead-0.old")).unwrap(), b"old");
        assert_eq!(std::fs::read(left.with_file_name("dead-0.new")).unwrap(), b"new");
    }
}

#[test]
fn copies_that_are_not_whole_change_nothing() {
    let place = place();
    let left = place.left_behind();
    std::fs::write(left.join("0.old"), b"ol").unwrap();
    place.write("a.txt", b"old");
    drop(place.open());
    assert_eq!(place.read("a.txt"), b"old");
    assert!(!left.exists());
}

#[test]
fn a_part_of_an_upload_that_did_not_all_arrive_is_taken_back() {
    for (now, expected) in [
        ("old part ne", "old part "),
        ("old part new part", "old part new part"),
        ("other", "other"),
    ] {
        let place = place();
        let left = place.left_behind();
        let told = r#"{"path":"a.txt","bytes_before":9,"bytes_after":17}"#;
        std::fs::write(left.join("0.append"), told).unwrap();
        place.write("a.txt", now.as_bytes());
        drop(place.open());
        assert_eq!(place.read("a.txt"), expected.as_bytes());
        assert_eq!(place.names(""), ["a.txt"]);
        assert!(!left.exists());
    }
}

#[test]
fn a_server_that_runs_is_not_interfered_with() {
    let place = place();
    let left = place.interrupted(b"old", b"new");
    place.write("a.txt", b"nld");
    let lock = std::fs::File::open(left.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    drop(place.open());
    assert_eq!(place.read("a.txt"), b"nld");
    assert!(left.exists());
}

#[test]
fn strays_are_removed_where_files_were_saved_and_are_never_listed() {
    let place = place();
    let left = place.left_behind();
    std::fs::write(left.join("directories"), "\"d/a.txt\"\n").unwrap();
    place.write(&format!("d/{STRAY}"), b"half");
    place.write(&format!("d/{}/x", STRAY.replace('0', "f")), b"half of a copy");
    place.write("e/a.txt", b"old");
    place.write(&format!("e/{STRAY}"), b"half");
    let storage = place.open();
    assert!(place.names("d").is_empty());
    // Nobody told of this directory: its strays are found when something is saved there.
    assert_eq!(storage.listing(&path("e")).unwrap().names(10).unwrap().len(), 1);
    save(&storage, "e/a.txt", b"new").unwrap();
    assert_eq!(place.names("e"), ["a.txt"]);
}

#[test]
fn what_another_server_is_writing_is_no_stray() {
    let place = place();
    place.write(STRAY, b"half");
    let other = std::fs::File::open(place.root.join(STRAY)).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let storage = place.open();
    save(&storage, "a.txt", b"x").unwrap();
    assert_eq!(place.names(""), [STRAY, "a.txt"]);
}

#[test]
fn overwriting_leaves_nothing_in_the_journal() {
    let place = place();
    place.write("a.txt", b"old");
    std::fs::hard_link(place.root.join("a.txt"), place.outside.join("same")).unwrap();
    let storage = place.open();
    for bytes in [&b"longer than before"[..], b"", b"new"] {
        save(&storage, "a.txt", bytes).unwrap();
        assert_eq!(std::fs::read(place.outside.join("same")).unwrap(), bytes);
    }
    drop(storage);
    let of_root = std::fs::read_dir(&place.journal)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(std::fs::read_dir(of_root.path()).unwrap().count(), 0);
}

#[test]
fn a_root_that_was_taken_away_and_put_back_is_found_again() {
    let place = place();
    let storage = place.open();
    std::fs::remove_dir(&place.root).unwrap();
    assert_eq!(
        save(&storage, "a.txt", b"x").unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
    assert!(storage.listing(&path("")).is_err());
    std::fs::create_dir(&place.root).unwrap();
    save(&storage, "a.txt", b"x").unwrap();
    assert_eq!(place.read("a.txt"), b"x");
}
