use std::os::unix::fs::symlink;

use super::{names, path, serve, serve_with};
use crate::{Content, EntryType, OutsideLinks};

const BODY: &str = r#"{"type":"file","format":"text","content":"new"}"#;

#[tokio::test]
async fn links_that_lead_outside_are_followed_for_one_user() {
    let served = serve();
    std::fs::write(served.outside.join("a.txt"), b"x").unwrap();
    symlink(&served.outside, served.root.join("out")).unwrap();
    assert!(names(&served.get("out").await.unwrap()).contains(&"a.txt"));
    served.put("out/a.txt", BODY).await.unwrap();
    assert_eq!(std::fs::read(served.outside.join("a.txt")).unwrap(), b"new");
}

#[tokio::test]
async fn links_that_lead_outside_are_refused_where_configured() {
    let served = serve_with(|config| config.outside_links = OutsideLinks::Refuse);
    std::fs::write(served.outside.join("secret"), b"x").unwrap();
    served.write("inside/a", b"y");
    symlink(&served.outside, served.root.join("out")).unwrap();
    symlink(served.outside.join("secret"), served.root.join("leak")).unwrap();
    symlink("inside/a", served.root.join("fine")).unwrap();
    for name in ["out/secret", "leak"] {
        assert!(served.get(name).await.is_err(), "{name}");
        assert!(served.put(name, BODY).await.is_err(), "{name}");
        assert!(served.manager.open_file(&path(name)).await.is_err(), "{name}");
    }
    assert!(served.put("out/new", BODY).await.is_err());
    assert!(served.manager.delete(&path("out/secret")).await.is_err());
    assert!(
        served
            .manager
            .rename(&path("inside/a"), &path("out/a"))
            .await
            .is_err()
    );
    assert!(served.manager.copy(&path("leak"), &path("inside")).await.is_err());
    served.put("fine", BODY).await.unwrap();
    assert_eq!(served.read("inside/a"), b"new");
    assert_eq!(std::fs::read(served.outside.join("secret")).unwrap(), b"x");
    let Some(Content::Directory(entries)) = served.get("").await.unwrap().content else {
        panic!()
    };
    let out = entries.iter().find(|entry| entry.name == "out").unwrap();
    assert_eq!(out.entry_type, EntryType::File, "what it leads to is not told");
}
