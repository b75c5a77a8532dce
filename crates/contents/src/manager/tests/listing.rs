use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{Served, names, path, serve, serve_with};
use crate::{Content, ContentsError, ContentsErrorKind as Kind, ContentsModel, Get, Page, Paged};

const NOT_UTF8: &[u8] = b"n\xff.txt";
const ESCAPED: &str = r"n\xff.txt";

impl Served {
    fn write_not_utf8(&self) {
        std::fs::write(self.root.join(OsStr::from_bytes(NOT_UTF8)), "x").unwrap();
    }

    async fn page(&self, directory: &str, limit: Option<usize>, after: Option<&str>) -> ContentsModel {
        let shown = self.manager.shown_names(&path(directory)).await.unwrap();
        let after = after.map(str::to_owned);
        self.manager
            .page(&path(directory), shown, Page { limit, after })
            .await
            .unwrap()
    }
}

fn in_order(model: &ContentsModel) -> Vec<&str> {
    let Some(Content::Directory(entries)) = &model.content else {
        panic!("no directory: {model:?}")
    };
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn paged(total: usize, next: Option<&str>) -> Option<Paged> {
    let next = next.map(str::to_owned);
    Some(Paged { total, next })
}

#[tokio::test]
async fn pages_together_are_the_listing_in_the_order_of_names() {
    let served = serve();
    for name in ["b", "a", "ä", "c d", "B", ".hidden", "x.pyc", "e"] {
        served.write(name, b"x");
    }
    std::fs::create_dir(served.root.join("d")).unwrap();
    symlink("nowhere", served.root.join("broken")).unwrap();
    symlink("circle", served.root.join("circle")).unwrap();
    std::os::unix::net::UnixListener::bind(served.root.join("socket")).unwrap();
    served.write_not_utf8();
    let whole = served.get("").await.unwrap();
    for limit in 1..=12 {
        let (mut seen, mut after): (Vec<ContentsModel>, Option<String>) = (Vec::new(), None);
        loop {
            let page = served.page("", Some(limit), after.as_deref()).await;
            let Some(Content::Directory(entries)) = page.content else {
                panic!("no page")
            };
            assert!(entries.len() <= limit);
            seen.extend(entries);
            let Some(Paged { total: 10, next }) = page.paged else {
                panic!("{:?}", page.paged)
            };
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let Some(Content::Directory(mut expected)) = whole.content.clone() else {
            panic!("no listing")
        };
        expected.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(seen, expected, "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_says_where_the_next_begins_whatever_happens_meanwhile() {
    let served = serve();
    for name in ["a", "c", "e", "g"] {
        served.write(name, b"");
    }
    let page = served.page("", Some(2), None).await;
    assert_eq!(
        (in_order(&page), page.paged.clone()),
        (vec!["a", "c"], paged(4, Some("c")))
    );
    std::fs::remove_file(served.root.join("c")).unwrap();
    served.write("b", b"");
    let page = served.page("", Some(2), Some("c")).await;
    assert_eq!(
        (in_order(&page), page.paged.clone()),
        (vec!["e", "g"], paged(4, None))
    );
    let page = served.page("", Some(0), Some("e")).await;
    assert_eq!(
        (in_order(&page), page.paged.clone()),
        (vec![], paged(4, Some("e")))
    );
    let page = served.page("", None, Some("b")).await;
    assert_eq!(
        (in_order(&page), page.paged.clone()),
        (vec!["e", "g"], paged(4, None))
    );
    let page = served.page("", Some(9), Some("z")).await;
    assert_eq!((in_order(&page), page.paged.clone()), (vec![], paged(4, None)));
}

#[tokio::test]
async fn an_entry_that_vanishes_before_its_page_is_left_out() {
    let served = serve();
    served.write("a", b"");
    served.write("b", b"");
    let shown = served.manager.shown_names(&path("")).await.unwrap();
    std::fs::remove_file(served.root.join("a")).unwrap();
    let page = served
        .manager
        .page(&path(""), shown, Page::default())
        .await
        .unwrap();
    assert_eq!(in_order(&page), ["b"]);
}

#[tokio::test]
async fn what_is_no_directory_or_hidden_has_no_pages() {
    let served = serve();
    served.write("a", b"");
    served.write(".h/a", b"");
    for (name, kind) in [
        ("a", Kind::BadRequest),
        (".h", Kind::NotFound),
        ("none", Kind::NotFound),
    ] {
        assert_eq!(
            served.manager.shown_names(&path(name)).await.unwrap_err().kind(),
            kind,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_directory_of_too_many_entries_is_refused_with_the_limit() {
    let served = serve_with(|config| config.directory_entries_max = 2);
    for name in ["d/a", "d/b", "e/a", "e/b", "e/c"] {
        served.write(name, b"");
    }
    assert_eq!(names(&served.get("d").await.unwrap()), ["a", "b"]);
    let sentence = "e has more than 2 entries (directory_entries_max), so it is not listed";
    for error in [
        served.get("e").await.unwrap_err(),
        served
            .manager
            .shown_names(&path("e"))
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (Kind::TooLarge, sentence)
        );
    }
    // What is not listed can be deleted all the same.
    served.manager.delete(&path("e")).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_with_the_limit() {
    let served = serve_with(|config| config.content_bytes_max = 2);
    served.write("a", b"xx");
    served.write("b.ipynb", b"xxx");
    served.get("a").await.unwrap();
    let copy = served.manager.copy(&path("b.ipynb"), &path("")).await;
    for error in [
        served.get("b.ipynb").await.unwrap_err(),
        copy.unwrap_err(),
        served.manager.trust(&path("b.ipynb")).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::TooLarge);
        assert!(
            error
                .to_string()
                .contains("larger than 2 bytes (content_bytes_max)"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_path_that_is_too_long_is_refused_with_the_limit() {
    let served = serve_with(|config| config.path_bytes_max = 10);
    served.write("0123456789", b"");
    served.get("0123456789").await.unwrap();
    let long = "0123456789a";
    let file = r#"{"type":"file","format":"text","content":""}"#;
    for error in [
        served.get(long).await.unwrap_err(),
        served.put(long, file).await.unwrap_err(),
        served
            .manager
            .rename(&path("0123456789"), &path(long))
            .await
            .unwrap_err(),
        served.manager.delete(&path(long)).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (
                Kind::BadRequest,
                "the path is longer than 10 bytes (path_bytes_max)"
            )
        );
    }
    assert_eq!(served.tree(), ["0123456789"]);
}

#[tokio::test]
async fn a_name_that_is_not_utf8_is_listed_and_refused_with_the_reason() {
    let served = serve();
    served.write_not_utf8();
    served.write("a", b"");
    let directory = served.root.join(OsStr::from_bytes(b"d\xfe"));
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("inner"), "").unwrap();
    let listing = served.get("").await.unwrap();
    assert_eq!(names(&listing), ["a", r"d\xfe", ESCAPED]);
    let Some(Content::Directory(entries)) = listing.content else {
        panic!("no directory")
    };
    assert!(entries.iter().all(|entry| entry.writable == (entry.name == "a")));

    let file = r#"{"type":"file","format":"text","content":""}"#;
    let manager = &served.manager;
    let check = |what: &str, error: Option<ContentsError>| {
        let error = error.unwrap_or_else(|| panic!("{what} is refused"));
        assert_eq!(error.kind(), Kind::BadRequest, "{what}: {error}");
        assert!(error.to_string().contains("is not UTF-8"), "{what}: {error}");
    };
    for name in [ESCAPED, r"d\xfe", r"d\xfe/inner", r"d\xfe/none"] {
        let name = &path(name);
        check("get", manager.get(name, Get::default()).await.err());
        check("open", manager.open_file(name).await.err());
        check("put", served.put(name.as_str(), file).await.err());
        check("rename", manager.rename(name, &path("b")).await.err());
        check("rename to", manager.rename(&path("a"), name).await.err());
        check("delete", manager.delete(name).await.err());
        check("copy", manager.copy(name, &path("")).await.err());
        check("checkpoint", manager.create_checkpoint(name).await.err());
        check("trust", manager.trust(name).await.err());
    }
    assert_eq!(served.tree().len(), 4);
    // What merely looks like it is an ordinary name.
    served.put(r"o\xff", file).await.unwrap();
    manager.delete(&path(r"o\xff")).await.unwrap();
    assert_eq!(
        manager
            .get(&path(r"none\xff"), Get::default())
            .await
            .unwrap_err()
            .kind(),
        Kind::NotFound
    );
}

#[tokio::test]
async fn a_directory_goes_with_what_is_in_it_whatever_its_name() {
    let served = serve_with(|config| {
        config.delete_to_trash = false;
        config.always_delete_dir = true;
    });
    std::fs::create_dir(served.root.join("d")).unwrap();
    std::fs::write(served.root.join("d").join(OsStr::from_bytes(NOT_UTF8)), "x").unwrap();
    served.manager.copy(&path("d"), &path("")).await.unwrap();
    served.manager.rename(&path("d"), &path("e")).await.unwrap();
    assert_eq!(names(&served.get("e").await.unwrap()), [ESCAPED]);
    assert_eq!(names(&served.get("d-Copy1").await.unwrap()), [ESCAPED]);
    served.manager.delete(&path("e")).await.unwrap();
    served.manager.delete(&path("d-Copy1")).await.unwrap();
    assert!(served.tree().is_empty());
}

/// Root may look at everything, so the test becomes somebody else for one thread.
#[test]
fn what_may_not_be_looked_at_is_listed_with_what_is_known() {
    let served = serve_with(|config| config.allow_hidden = true);
    served.write("d/a.txt", b"x");
    std::fs::create_dir(served.root.join("d/sub")).unwrap();
    for (name, mode) in [("..", 0o755), (".", 0o755), ("d", 0o744)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(served.root.join(name), mode).unwrap();
    }
    let model = std::thread::scope(|scope| {
        let listed = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(65534)).unwrap();
            } else {
                std::fs::set_permissions(served.root.join("d"), std::fs::Permissions::from_mode(0o444))
                    .unwrap();
            }
            served.manager.shared.get(&path("d"), super::WITH_CONTENT)
        });
        listed.join().unwrap().unwrap()
    });
    std::fs::set_permissions(served.root.join("d"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(names(&model), ["a.txt", "sub"]);
    let json: serde_json::Value = serde_json::from_slice(&model.into_json().concat()).unwrap();
    for entry in json["content"].as_array().unwrap() {
        assert_eq!(entry["writable"], false);
        assert_eq!(entry["size"], serde_json::Value::Null);
        assert_eq!(entry["last_modified"], "1970-01-01T00:00:00Z");
        let is_directory = entry["name"] == "sub";
        assert_eq!(entry["type"], if is_directory { "directory" } else { "file" });
    }
}

/// Root may look into everything, so the test becomes somebody else for one thread.
#[test]
fn a_directory_that_may_not_be_looked_into_is_listed_and_not_opened() {
    let served = serve();
    served.write("d/a.txt", b"x");
    std::fs::create_dir(served.root.join("wx")).unwrap();
    symlink("d", served.root.join("link")).unwrap();
    for (name, mode) in [("..", 0o755), (".", 0o755), ("d", 0o700), ("wx", 0o733)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(served.root.join(name), mode).unwrap();
    }
    if !rustix::process::geteuid().is_root() {
        for (name, mode) in [("d", 0o000), ("wx", 0o333)] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(served.root.join(name), mode).unwrap();
        }
    }
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(65534)).unwrap();
            }
            let shared = &served.manager.shared;
            let listing = shared.get(&path(""), super::WITH_CONTENT).unwrap();
            assert_eq!(names(&listing), ["d", "link", "wx"]);
            let page = shared.shown_names(&path("")).unwrap();
            assert_eq!(page.len(), 3);
            for name in ["d", "link", "wx"] {
                let outline = shared.get(&path(name), Get::default()).unwrap();
                assert_eq!(outline.entry_type, crate::EntryType::Directory, "{name}");
                let opened = shared.get(&path(name), super::WITH_CONTENT).unwrap_err();
                assert_eq!(opened.kind(), Kind::Forbidden, "{name}: {opened}");
            }
            let inside = shared.get(&path("d/a.txt"), super::WITH_CONTENT).unwrap_err();
            assert_eq!(inside.kind(), Kind::NotFound, "{inside}");
        });
        looking.join().unwrap();
    });
    for name in ["d", "wx"] {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(served.root.join(name), mode).unwrap();
    }
}
