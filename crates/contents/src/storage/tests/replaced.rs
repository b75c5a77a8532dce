//! Files that are removed or replaced while they are open.

use std::os::unix::fs::symlink;

use super::super::Place;
use super::{path, place};

#[test]
fn the_place_of_an_open_file_that_was_replaced_is_where_it_lay() {
    let place = place();
    for name in ["d/x.html", "d/linked.html", "d/.hidden", "d/y (deleted)"] {
        place.write(name, b"old");
    }
    std::fs::hard_link(place.root.join("d/linked.html"), place.root.join("backup")).unwrap();
    symlink("d/.hidden", place.root.join("link")).unwrap();
    let storage = place.open();
    for (name, real_name) in [
        ("d/x.html", "d/x.html"),
        ("d/linked.html", "d/linked.html"),
        ("d/y (deleted)", "d/y (deleted)"),
        ("link", "d/.hidden"),
    ] {
        let open = storage.open_file(&path(name)).unwrap();
        let expected = Place::Beneath(path(real_name));
        assert_eq!(storage.place(&open.file).unwrap(), expected, "{name} as it is");
        place.write("new", b"new");
        std::fs::rename(place.root.join("new"), place.root.join(real_name)).unwrap();
        assert_eq!(storage.place(&open.file).unwrap(), expected, "{name} replaced");
    }
    let open = storage.open_file(&path("d/x.html")).unwrap();
    std::fs::remove_dir_all(place.root.join("d")).unwrap();
    let expected = Place::Beneath(path("d/x.html"));
    assert_eq!(storage.place(&open.file).unwrap(), expected, "removed");
}
