use super::{path, serve, serve_with};
use crate::ContentsErrorKind as Kind;

#[tokio::test]
async fn renaming_takes_the_checkpoint_along() {
    let served = serve();
    served.write("a.txt", b"x");
    served.write("d/y", b"");
    served.manager.create_checkpoint(&path("a.txt")).await.unwrap();
    let model = served
        .manager
        .rename(&path("a.txt"), &path("d/b.txt"))
        .await
        .unwrap();
    assert_eq!(model.path.as_str(), "d/b.txt");
    assert_eq!(
        served.tree(),
        [
            ".ipynb_checkpoints/",
            "d/",
            "d/.ipynb_checkpoints/",
            "d/.ipynb_checkpoints/b-checkpoint.txt",
            "d/b.txt",
            "d/y"
        ]
    );
}

#[tokio::test]
async fn renaming_never_replaces() {
    let served = serve();
    served.write("a", b"a");
    served.write("b", b"b");
    served.write("d/x", b"");
    for (from, to, kind) in [
        ("a", "b", Kind::Conflict),
        ("a", "d", Kind::Conflict),
        ("a", "", Kind::Conflict),
        ("", "e", Kind::Conflict),
        ("d", "d/e", Kind::BadRequest),
        ("none", "c", Kind::NotFound),
        ("none", "b", Kind::NotFound),
        ("a", "none/c", Kind::NotFound),
        ("a", ".c", Kind::BadRequest),
    ] {
        let error = served.manager.rename(&path(from), &path(to)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{from} {to}: {error}");
    }
    assert_eq!(
        served.manager.rename(&path("a"), &path("a")).await.unwrap().name,
        "a"
    );
    assert_eq!(served.tree(), ["a", "b", "d/", "d/x"]);
    assert_eq!(
        (served.read("a"), served.read("b")),
        (b"a".to_vec(), b"b".to_vec())
    );
}

#[tokio::test]
async fn deleting_moves_to_the_trash_with_a_note_of_where_it_was() {
    let served = serve();
    for content in [&b"first"[..], b"second"] {
        served.write("a b.txt", content);
        served.manager.delete(&path("a b.txt")).await.unwrap();
    }
    served.write("d/e", b"");
    served.manager.delete(&path("d")).await.unwrap();
    assert!(served.tree().is_empty());
    let trash = served.outside.join("Trash");
    assert_eq!(std::fs::read(trash.join("files/a b.txt")).unwrap(), b"first");
    assert_eq!(std::fs::read(trash.join("files/a b 1.txt")).unwrap(), b"second");
    assert!(trash.join("files/d/e").exists());
    let info = std::fs::read_to_string(trash.join("info/a b.txt.trashinfo")).unwrap();
    let expected = format!(
        "[Trash Info]\nPath={}/a%20b.txt\nDeletionDate=",
        served.root.display()
    );
    assert!(info.starts_with(&expected), "{info}");
}

#[tokio::test]
async fn without_a_trash_only_empty_directories_are_deleted() {
    let served = serve_with(|config| config.delete_to_trash = false);
    served.write("d/.ipynb_checkpoints/a-checkpoint.txt", b"");
    served.write("e/f", b"");
    served.write("a", b"");
    served.manager.delete(&path("d")).await.unwrap();
    served.manager.delete(&path("a")).await.unwrap();
    let error = served.manager.delete(&path("e")).await.unwrap_err();
    assert!(error.to_string().ends_with("/e not empty"), "{error}");
    assert_eq!(served.tree(), ["e/", "e/f"]);
    let bold = serve_with(|config| (config.delete_to_trash, config.always_delete_dir) = (false, true));
    bold.write("e/f/g", b"");
    std::os::unix::fs::symlink(&served.root, bold.root.join("e/link")).unwrap();
    bold.manager.delete(&path("e")).await.unwrap();
    assert!(bold.tree().is_empty());
    assert_eq!(
        served.tree(),
        ["e/", "e/f"],
        "a link is removed, not what it points at"
    );
}

#[tokio::test]
async fn what_may_not_be_deleted_stays() {
    let served = serve();
    served.write(".a", b"");
    let delete = async |name: &str| served.manager.delete(&path(name)).await.unwrap_err();
    assert_eq!(delete("").await.to_string(), "Can't delete root");
    assert_eq!(
        delete(".a").await.to_string(),
        "Cannot delete file or directory '/.a'"
    );
    assert_eq!(delete("none").await.kind(), Kind::NotFound);
    assert_eq!(served.tree(), [".a"]);
}

#[tokio::test]
async fn a_checkpoint_brings_the_file_back() {
    let served = serve();
    served.write("d/a.txt", b"old");
    assert!(
        served
            .manager
            .checkpoints(&path("d/a.txt"))
            .await
            .unwrap()
            .is_empty()
    );
    let made = served.manager.create_checkpoint(&path("d/a.txt")).await.unwrap();
    assert_eq!(made.id, "checkpoint");
    assert_eq!(
        made.last_modified,
        served.get("d/a.txt").await.unwrap().last_modified
    );
    assert_eq!(
        served.manager.checkpoints(&path("d/a.txt")).await.unwrap(),
        [made]
    );
    served.write("d/a.txt", b"new");
    served
        .manager
        .restore_checkpoint(&path("d/a.txt"), "checkpoint")
        .await
        .unwrap();
    assert_eq!(served.read("d/a.txt"), b"old");
    served
        .manager
        .delete_checkpoint(&path("d/a.txt"), "checkpoint")
        .await
        .unwrap();
    for id in ["checkpoint", "other", "../../x"] {
        assert!(
            served
                .manager
                .restore_checkpoint(&path("d/a.txt"), id)
                .await
                .is_err(),
            "{id}"
        );
        assert!(
            served
                .manager
                .delete_checkpoint(&path("d/a.txt"), id)
                .await
                .is_err(),
            "{id}"
        );
    }
    assert_eq!(
        served
            .manager
            .create_checkpoint(&path("none"))
            .await
            .unwrap_err()
            .kind(),
        Kind::NotFound
    );
    assert_eq!(
        served
            .manager
            .create_checkpoint(&path("d"))
            .await
            .unwrap_err()
            .kind(),
        Kind::BadRequest
    );
}
