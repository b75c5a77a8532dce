//! Links where none may lead outside.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use super::super::OutsideLinks::Refuse;
use super::{Existing, path, place, save};

#[test]
fn links_that_stay_inside_are_followed_however_they_are_written() {
    let place = place();
    place.write("d/a.txt", b"old");
    symlink("../d/a.txt", place.root.join("d/around")).unwrap();
    symlink(place.root.join("d/a.txt"), place.root.join("absolute")).unwrap();
    symlink(place.root.join("d"), place.root.join("directory")).unwrap();
    symlink("directory/around", place.root.join("chain")).unwrap();
    symlink("d/new", place.root.join("to-nothing")).unwrap();
    let storage = place.open_with(Refuse);
    for (count, name) in ["d/around", "absolute", "directory/a.txt", "chain"]
        .iter()
        .enumerate()
    {
        save(&storage, name, count.to_string().as_bytes()).unwrap();
        assert_eq!(place.read("d/a.txt"), count.to_string().as_bytes(), "{name}");
        assert_eq!(
            storage.read(&path(name), 9).unwrap().bytes,
            count.to_string().as_bytes(),
            "{name}"
        );
    }
    assert!(place.root.join("absolute").is_symlink());
    save(&storage, "to-nothing", b"x").unwrap();
    assert_eq!(place.read("d/new"), b"x");
}

#[test]
fn links_that_lead_outside_are_refused_however_they_are_written() {
    let place = place();
    std::fs::write(place.outside.join("secret"), b"s").unwrap();
    std::fs::create_dir(place.root.join("d")).unwrap();
    symlink("../../outside/secret", place.root.join("d/up")).unwrap();
    symlink(place.outside.join("secret"), place.root.join("absolute")).unwrap();
    symlink("../outside", place.root.join("directory")).unwrap();
    symlink("d/up", place.root.join("chain")).unwrap();
    symlink("../root/../outside/secret", place.root.join("around")).unwrap();
    symlink("../outside/new", place.root.join("to-nothing")).unwrap();
    symlink("/proc/self/cwd", place.root.join("magic")).unwrap();
    let storage = place.open_with(Refuse);
    let refused = |result: std::io::Result<()>, name: &str| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied, "{name}");
    };
    for name in [
        "d/up",
        "absolute",
        "directory/secret",
        "chain",
        "around",
        "to-nothing",
        "magic",
        "magic/x",
    ] {
        refused(save(&storage, name, b"x"), name);
        refused(storage.read(&path(name), 9).map(drop), name);
        refused(
            storage
                .copy_file(&path(name), &path("copy"), Existing::Replace)
                .map(drop),
            name,
        );
        refused(storage.copy_tree(&path(name), &path("copy"), 9), name);
    }
    assert_eq!(std::fs::read(place.outside.join("secret")).unwrap(), b"s");
    assert_eq!(std::fs::read_dir(&place.outside).unwrap().count(), 1);
    assert!(!place.root.join("copy").exists());
}

#[test]
fn a_copy_follows_the_links_that_stay_inside() {
    let place = place();
    place.write("d/a.txt", b"a");
    place.write("e/b.txt", b"b");
    symlink("../e", place.root.join("d/relative")).unwrap();
    symlink(place.root.join("e/b.txt"), place.root.join("d/absolute")).unwrap();
    let storage = place.open_with(Refuse);
    storage.copy_tree(&path("d"), &path("copy"), 100).unwrap();
    assert_eq!(place.read("copy/relative/b.txt"), b"b");
    assert_eq!(place.read("copy/absolute"), b"b");
    assert!(!place.root.join("copy/relative").is_symlink());
    symlink(&place.outside, place.root.join("d/out")).unwrap();
    let refused = storage.copy_tree(&path("d"), &path("other"), 100).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert_eq!(place.names(""), ["copy", "d", "e"]);
}

#[test]
fn links_in_a_circle_are_an_error() {
    let place = place();
    symlink("b", place.root.join("a")).unwrap();
    symlink("a", place.root.join("b")).unwrap();
    for storage in [place.open(), place.open_with(Refuse)] {
        assert!(save(&storage, "a", b"x").is_err());
        assert!(storage.read(&path("a"), 9).is_err());
        assert!(storage.copy_tree(&path("a"), &path("c"), 9).is_err());
    }
    assert_eq!(place.names(""), ["a", "b"]);
}
