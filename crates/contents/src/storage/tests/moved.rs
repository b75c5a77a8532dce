//! Moves to another device, reached by a link.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::{Place, path, place, save};

/// A directory on another device, which `far` leads to; `None` on systems that have no other everywhere.
fn far(place: &Place) -> Option<TempDir> {
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    let other = device(Path::new("/dev/shm"));
    if !cfg!(target_os = "linux") {
        return None;
    }
    let is_other = other.is_some() && other != device(&place.root);
    assert!(
        is_other,
        "/dev/shm must be another device than that of temporary files"
    );
    let far = tempfile::tempdir_in("/dev/shm").unwrap();
    symlink(far.path(), place.root.join("far")).unwrap();
    Some(far)
}

#[test]
fn a_directory_moves_to_another_device_as_it_is() {
    let place = place();
    let Some(_far) = far(&place) else { return };
    let partial = ".~a.0123456789abcdef0123456789abcdef.upload";
    place.write("d/a", b"a");
    place.write(&format!("d/e/{partial}"), b"part");
    for (leads_to, name) in [("a", "link"), ("nothing", "broken"), (".", "circle")] {
        symlink(leads_to, place.root.join("d").join(name)).unwrap();
    }
    place.open().rename(&path("d"), &path("far/d")).unwrap();
    assert_eq!(place.names(""), ["far"]);
    assert_eq!(place.names("far"), ["d"]);
    assert_eq!(place.names("far/d"), ["a", "broken", "circle", "e", "link"]);
    assert_eq!(place.read(&format!("far/d/e/{partial}")), b"part");
    for (leads_to, name) in [("a", "link"), ("nothing", "broken"), (".", "circle")] {
        let found = std::fs::read_link(place.root.join("far/d").join(name)).unwrap();
        assert_eq!(found, Path::new(leads_to));
    }
}

#[test]
fn nothing_is_saved_into_a_directory_that_is_being_moved_away() {
    let place = place();
    let Some(_far) = far(&place) else { return };
    for number in 0..2000 {
        place.write(&format!("d/{number}"), b"");
    }
    let storage = place.open();
    std::thread::scope(|scope| {
        let late = scope.spawn(|| {
            while place.names("far").is_empty() {
                std::thread::yield_now();
            }
            save(&storage, "d/late", b"work").map_err(|error| error.kind())
        });
        storage.rename(&path("d"), &path("far/d")).unwrap();
        assert_eq!(late.join().unwrap(), Err(std::io::ErrorKind::NotFound));
    });
    assert_eq!(place.names("far/d").len(), 2000);
}

#[test]
fn a_move_that_fails_leaves_all_where_it_was() {
    let place = place();
    let Some(_far) = far(&place) else { return };
    place.write("d/a", b"a");
    let _socket = std::os::unix::net::UnixListener::bind(place.root.join("d/socket")).unwrap();
    place.open().rename(&path("d"), &path("far/d")).unwrap_err();
    assert_eq!(place.names(""), ["d", "far"]);
    assert_eq!(place.names("d"), ["a", "socket"]);
    assert!(place.names("far").is_empty());
}

#[test]
fn what_a_killed_server_was_moving_is_put_back() {
    let place = place();
    place.write(".~aside.moving/a", b"a");
    let killed = place.open();
    let note = killed.journal.as_ref().unwrap().note(
        super::super::rename::MOVING,
        br#"{"from": "d", "aside": ".~aside.moving"}"#,
    );
    // As if it were killed: the note stays, the lock goes.
    std::mem::forget(note.unwrap());
    drop(killed);
    place.open();
    assert_eq!(place.read("d/a"), b"a");
    assert_eq!(place.names(""), ["d"]);
}

#[test]
fn what_a_killed_server_had_moved_is_not_there_twice() {
    let place = place();
    place.write(".~aside.moving/a", b"a");
    place.write("new/a", b"a");
    let killed = place.open();
    let text = br#"{"from": "d", "aside": ".~aside.moving"}"#;
    // Killed right after it had noted that all is in the new place.
    for kind in [super::super::rename::MOVING, super::super::rename::MOVED] {
        killed.journal.as_ref().unwrap().note(kind, text).unwrap().keep();
    }
    drop(killed);
    place.open();
    assert_eq!(place.names(""), ["new"]);
}

#[test]
fn a_save_that_had_begun_is_moved_too() {
    let place = place();
    let Some(_far) = far(&place) else { return };
    place.write("d/a", b"old");
    let storage = place.open();
    std::thread::scope(|scope| {
        // Has opened the directory and will write there.
        let begun = storage.changes.begin();
        let opened = storage.target(&path("d/a")).unwrap();
        let mover = scope.spawn(|| storage.rename(&path("d"), &path("far/d")));
        while storage.changes.may_begin() {
            std::thread::yield_now();
        }
        assert_eq!(place.names("d"), ["a"]);
        std::fs::write(place.root.join("d/a"), "new").unwrap();
        drop((opened, begun));
        mover.join().unwrap().unwrap();
    });
    assert_eq!(place.read("far/d/a"), b"new");
    assert_eq!(place.names(""), ["far"]);
}

#[test]
fn a_directory_in_which_a_change_takes_too_long_is_not_moved() {
    let place = place();
    let Some(_far) = far(&place) else { return };
    place.write("d/a", b"a");
    let storage = place.open();
    let begun = storage.changes.begin();
    let refused = storage.rename(&path("d"), &path("far/d"));
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    drop(begun);
    assert_eq!(place.names(""), ["d", "far"]);
    storage.rename(&path("d"), &path("far/d")).unwrap();
}

#[test]
fn what_no_rename_brings_into_the_trash_is_copied_there() {
    let place = place();
    let Some(far) = far(&place) else { return };
    std::fs::remove_file(place.root.join("far")).unwrap();
    let trash = place.root.with_file_name("Trash");
    std::fs::create_dir(&trash).unwrap();
    symlink(far.path(), trash.join("files")).unwrap();
    place.write("d/a", b"a");
    place.write("b.txt", b"b");
    place.write("kept/b.txt", b"another b");
    symlink("nowhere", place.root.join("link")).unwrap();
    let storage = place.open();
    for name in ["d", "b.txt", "kept/b.txt", "link"] {
        storage.move_to_trash(&path(name), &trash).unwrap();
    }
    assert_eq!(place.names(""), ["kept"]);
    assert!(place.names("kept").is_empty());
    let trashed = |name: &str| std::fs::read(far.path().join(name)).unwrap();
    assert_eq!(trashed("d/a"), b"a");
    assert_eq!(trashed("b.txt"), b"b");
    assert_eq!(trashed("b 1.txt"), b"another b");
    assert_eq!(
        std::fs::read_link(far.path().join("link")).unwrap(),
        Path::new("nowhere")
    );
    let info = std::fs::read_to_string(trash.join("info/b 1.txt.trashinfo")).unwrap();
    assert!(info.contains("kept/b.txt"), "{info}");
}
