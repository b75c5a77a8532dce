use std::os::unix::fs::symlink;
use std::sync::Arc;

use super::{Served, path, save_model, serve};
use crate::{
    ContentsError, ContentsErrorKind as Kind, EntryType, Format, Get, Precondition, SaveModel, Versions,
};

fn file(content: &str) -> SaveModel {
    save_model(&serde_json::json!({"type": "file", "format": "text", "content": content}).to_string())
}

fn if_match(version: &str) -> Precondition {
    Precondition {
        if_match: Some(Versions::OneOf(vec![version.to_owned()])),
        if_none_match: None,
    }
}

const MUST_EXIST: Precondition = Precondition {
    if_match: Some(Versions::Any),
    if_none_match: None,
};
const MUST_NOT_EXIST: Precondition = Precondition {
    if_match: None,
    if_none_match: Some(Versions::Any),
};

impl Served {
    async fn version(&self, name: &str) -> String {
        let model = self.manager.get(&path(name), Get::default()).await.unwrap();
        model.version.expect("a file has a version").to_string()
    }
}

fn kind<T>(result: Result<T, ContentsError>) -> Option<Kind> {
    result.err().map(|error| error.kind())
}

#[tokio::test]
async fn a_file_has_one_version_however_it_is_read() {
    let served = serve();
    served.write(
        "n.ipynb",
        br#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}"#,
    );
    symlink("n.ipynb", served.root.join("link")).unwrap();
    let version = served.version("n.ipynb").await;
    for name in ["n.ipynb", "link"] {
        for entry_type in [None, Some(EntryType::File)] {
            for format in [None, Some(Format::Text), Some(Format::Base64)] {
                for (content, hash) in [(true, false), (false, true), (true, true)] {
                    let get = Get {
                        entry_type,
                        format,
                        content,
                        hash,
                    };
                    let model = served.manager.get(&path(name), get).await.unwrap();
                    assert_eq!(model.version.unwrap().to_string(), version, "{name} {get:?}");
                }
            }
        }
        let open = served.manager.open_file(&path(name)).await.unwrap();
        assert_eq!(open.version.to_string(), version);
    }
    let root = served.manager.get(&path(""), Get::default()).await.unwrap();
    assert_eq!(root.version, None);
}

#[tokio::test]
async fn every_save_has_a_version_of_its_own_and_tells_it() {
    let served = serve();
    let mut seen = std::collections::HashSet::new();
    // Of one length, and more of them than the clock of a file system ticks meanwhile.
    for round in 0..100 {
        let saved = served
            .manager
            .save(&path("a"), file(&format!("{round:03}")))
            .await
            .unwrap();
        let version = saved.model.version.unwrap().to_string();
        assert_eq!(version, served.version("a").await);
        assert!(seen.insert(version), "round {round}");
    }
    std::fs::hard_link(served.root.join("a"), served.root.join("b")).unwrap();
    for round in 0..100 {
        let saved = served
            .manager
            .save(&path("b"), file(&format!("{round:03}")))
            .await
            .unwrap();
        let version = saved.model.version.unwrap().to_string();
        assert_eq!(version, served.version("a").await);
        assert!(seen.insert(version), "in place, round {round}");
    }
}

#[tokio::test]
async fn what_others_write_is_another_version_even_with_the_old_time() {
    let served = serve();
    served.write("a", b"one");
    let before = served.version("a").await;
    let time = std::fs::metadata(served.root.join("a"))
        .unwrap()
        .modified()
        .unwrap();
    served.write("other", b"two");
    std::fs::File::options()
        .write(true)
        .open(served.root.join("other"))
        .and_then(|file| file.set_modified(time))
        .unwrap();
    std::fs::rename(served.root.join("other"), served.root.join("a")).unwrap();
    assert_ne!(served.version("a").await, before);
}

#[tokio::test]
async fn a_change_of_another_version_changes_nothing() {
    let served = serve();
    served.write("a", b"x");
    served.write(".ipynb_checkpoints/a-checkpoint", b"checkpoint");
    std::fs::create_dir(served.root.join("d")).unwrap();
    let (tree, version) = (served.tree(), served.version("a").await);
    let stale = || if_match("stale");
    let (a, d) = (path("a"), path("d"));
    for precondition in [stale(), MUST_NOT_EXIST] {
        let only = || served.manager.only_if(precondition.clone());
        assert_eq!(
            kind(only().save(&a, file("y")).await),
            Some(Kind::PreconditionFailed)
        );
        assert_eq!(
            kind(only().rename(&a, &path("b")).await),
            Some(Kind::PreconditionFailed)
        );
        assert_eq!(kind(only().rename(&a, &a).await), Some(Kind::PreconditionFailed));
        assert_eq!(kind(only().delete(&a).await), Some(Kind::PreconditionFailed));
        assert_eq!(kind(only().delete(&d).await), Some(Kind::PreconditionFailed));
        assert_eq!(
            kind(only().save(&d, save_model(r#"{"type":"directory"}"#)).await),
            Some(Kind::PreconditionFailed)
        );
        assert_eq!(
            kind(only().restore_checkpoint(&a, "checkpoint").await),
            Some(Kind::PreconditionFailed)
        );
    }
    let chunk = save_model(r#"{"type":"file","format":"text","content":"y","chunk":2}"#);
    let appended = served.manager.only_if(stale()).save(&a, chunk).await;
    assert_eq!(kind(appended), Some(Kind::PreconditionFailed));
    for precondition in [stale(), MUST_EXIST] {
        let saved = served
            .manager
            .only_if(precondition)
            .save(&path("new"), file("y"))
            .await;
        assert_eq!(kind(saved), Some(Kind::PreconditionFailed));
    }
    assert_eq!((served.tree(), served.version("a").await), (tree, version));
    assert_eq!(served.read("a"), b"x");
}

#[tokio::test]
async fn a_change_of_the_known_version_is_made() {
    let served = serve();
    let saved = served
        .manager
        .only_if(MUST_NOT_EXIST)
        .save(&path("a"), file("1"))
        .await
        .unwrap();
    let first = saved.model.version.unwrap().to_string();
    let saved = served
        .manager
        .only_if(if_match(&first))
        .save(&path("a"), file("2"))
        .await
        .unwrap();
    let second = saved.model.version.unwrap().to_string();
    assert!(
        served
            .manager
            .only_if(if_match(&first))
            .delete(&path("a"))
            .await
            .is_err()
    );
    served
        .manager
        .only_if(if_match(&second))
        .rename(&path("a"), &path("b"))
        .await
        .unwrap();
    let third = served.version("b").await;
    served
        .manager
        .only_if(if_match(&third))
        .delete(&path("b"))
        .await
        .unwrap();
    served
        .manager
        .only_if(MUST_EXIST)
        .delete(&path("b"))
        .await
        .unwrap_err();
    assert!(served.tree().is_empty());
}

#[tokio::test]
async fn a_link_and_a_name_with_another_hard_link_are_compared_too() {
    let served = serve();
    served.write("a", b"x");
    symlink("a", served.root.join("link")).unwrap();
    served.write("one", b"x");
    std::fs::hard_link(served.root.join("one"), served.root.join("two")).unwrap();
    for name in ["link", "two"] {
        let version = served.version(name).await;
        let stale = served
            .manager
            .only_if(if_match("stale"))
            .save(&path(name), file("y"))
            .await;
        assert_eq!(kind(stale), Some(Kind::PreconditionFailed));
        assert_eq!(served.version(name).await, version);
        served
            .manager
            .only_if(if_match(&version))
            .save(&path(name), file("y"))
            .await
            .unwrap();
    }
    assert_eq!(
        (served.read("a"), served.read("one")),
        (b"y".to_vec(), b"y".to_vec())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_many_writers_who_know_one_version_one_wins() {
    let served = Arc::new(serve());
    served.write("a", b"start");
    symlink("a", served.root.join("link")).unwrap();
    for round in 0..30 {
        let version = served.version("a").await;
        let writers: Vec<_> = (0..12)
            .map(|writer| {
                let (served, version) = (Arc::clone(&served), version.clone());
                tokio::spawn(async move {
                    let name = if writer % 2 == 0 { "a" } else { "link" };
                    let text = format!("{round} {writer}");
                    let saved = served
                        .manager
                        .only_if(if_match(&version))
                        .save(&path(name), file(&text))
                        .await;
                    saved.map(|_| text)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                Ok(text) => winners.push(text),
                Err(error) => assert_eq!(error.kind(), Kind::PreconditionFailed, "{error}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(served.read("a"), winners[0].as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_many_writers_of_a_new_name_one_wins() {
    let served = Arc::new(serve());
    for round in 0..20 {
        let name = format!("new{round}");
        let writers: Vec<_> = (0..12)
            .map(|writer| {
                let (served, name) = (Arc::clone(&served), name.clone());
                tokio::spawn(async move {
                    let only = served.manager.only_if(MUST_NOT_EXIST);
                    only.save(&path(&name), file(&writer.to_string())).await.is_ok()
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (writer, task) in writers.into_iter().enumerate() {
            if task.await.unwrap() {
                winners.push(writer.to_string());
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(served.read(&name), winners[0].as_bytes());
    }
}
