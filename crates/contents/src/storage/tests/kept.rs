//! What a file has besides its bytes stays when they are replaced.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::{Existing, path, place, save};

fn attribute(file: &std::path::Path, name: &str) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(1000);
    getxattr(file, name, rustix::buffer::spare_capacity(&mut value)).ok()?;
    Some(value)
}

#[test]
fn mode_owner_and_attributes_are_kept() {
    let place = place();
    place.write("a.txt", b"old");
    let file = place.root.join("a.txt");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        chown(&file, Some(1234), Some(2345)).unwrap();
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    setxattr(&file, "user.origin", b"a script", XattrFlags::empty()).expect("a file system with attributes");
    save(&place.open(), "a.txt", b"new").unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    if is_root {
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345));
    }
    assert_eq!(attribute(&file, "user.origin").as_deref(), Some(&b"a script"[..]));
    assert_eq!(place.read("a.txt"), b"new");
}

#[test]
fn an_access_control_list_is_kept_and_none_is_inherited() {
    /// `user::rw-,user:1234:r--,group::r--,mask::r--,other::---` as the kernel keeps it.
    const LIST: &[u8] = &[
        2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xd2, 4, 0, 0, 4, 0, 4, 0, 255, 255, 255,
        255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
    ];
    let place = place();
    place.write("listed", b"old");
    place.write("plain", b"old");
    let set =
        |name: &str, attribute: &str| setxattr(place.root.join(name), attribute, LIST, XattrFlags::empty());
    set("listed", "system.posix_acl_access").expect("a file system with access control lists");
    set("", "system.posix_acl_default").unwrap();
    let storage = place.open();
    for name in ["listed", "plain"] {
        save(&storage, name, b"new").unwrap();
    }
    let list = |name: &str| attribute(&place.root.join(name), "system.posix_acl_access");
    assert_eq!(list("listed").as_deref(), Some(LIST));
    assert_eq!(list("plain"), None);
}

#[test]
fn a_copy_is_like_its_source_from_the_first_moment() {
    let place = place();
    place.write("a.txt", b"x");
    let file = place.root.join("a.txt");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    setxattr(&file, "user.origin", b"a script", XattrFlags::empty()).unwrap();
    place
        .open()
        .copy_file(&path("a.txt"), &path("b.txt"), Existing::Replace)
        .unwrap();
    let (a, b) = (
        file.metadata().unwrap(),
        place.root.join("b.txt").metadata().unwrap(),
    );
    assert_eq!(
        (a.mode(), a.mtime(), a.mtime_nsec()),
        (b.mode(), b.mtime(), b.mtime_nsec())
    );
    let copied = attribute(&place.root.join("b.txt"), "user.origin");
    assert_eq!(copied.as_deref(), Some(&b"a script"[..]));
}
