//! A server that is killed in the middle of saves, again and again: every file is one of the versions sent, whole, and
//! not older than the last one whose save was answered; the next start leaves nothing beside it.

mod writers;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use self::writers::{Known, Writers};
use super::process::Home;

/// How often the server is killed.
const KILLS: u64 = 200;
/// The longest time that the writers get before a kill. Each round stops elsewhere in it.
const WRITING_MS_MAX: u64 = 180;

/// What the log says when an earlier server was killed in the middle of a save.
const PUT_RIGHT: [&str; 2] = ["was interrupted", "what an interrupted save left"];

/// The content of a version: it says which one it is, and any part that is missing or from another one shows.
fn content(version: u64) -> String {
    let line = format!("version {version}\n");
    let lines = 1 + usize::try_from(version * 7919 % 8000).expect("small");
    line.repeat(lines)
}

/// The version a content is of, if it is whole.
fn version_of(found: &str) -> Option<u64> {
    let version = found.lines().next()?.strip_prefix("version ")?.parse().ok()?;
    (found == content(version)).then_some(version)
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_saves_loses_nothing() {
    let home = Home::new();
    let root = home.path("root");
    std::fs::create_dir_all(root.join("tree/inner")).unwrap();
    std::fs::write(root.join("tree/a.txt"), content(1)).unwrap();
    std::fs::write(root.join("tree/inner/b.txt"), content(7999)).unwrap();
    // Written in place, for they have a second name each.
    for name in ["linked.txt", "linked.ipynb"] {
        std::fs::write(
            root.join(name),
            if name.ends_with("b") { "" } else { "version 0\n" },
        )
        .unwrap();
        std::fs::hard_link(root.join(name), home.path(name)).unwrap();
    }
    std::fs::write(root.join("here.txt"), content(0)).unwrap();
    let mut known: BTreeMap<&str, Known> = BTreeMap::new();
    let mut put_right = 0;
    for round in 0..KILLS {
        let server = home
            .start(&["--port=0", "--FileContentsManager.delete_to_trash=False"])
            .await;
        put_right += u64::from(PUT_RIGHT.iter().any(|line| server.log().contains(line)));
        check_all(&home, &root, &known, round);
        let writers = Writers::start(&server, &known);
        tokio::time::sleep(Duration::from_millis(round * 7919 % WRITING_MS_MAX)).await;
        server.kill();
        known = writers.ended().await;
        check_what_is_renamed(&root, &known, round);
        remove_copies(&root);
    }
    let server = home.start(&["--port=0"]).await;
    check_all(&home, &root, &known, KILLS);
    drop(server);
    for (name, known) in &known {
        assert!(
            known.answered > KILLS / 10,
            "{name} was hardly ever saved: {known:?}"
        );
    }
    assert!(put_right > 0, "no kill came in the middle of a save");
    println!("{KILLS} kills; {put_right} starts had something to put right; {known:?}");
}

/// What needs no next start to be whole.
fn check_what_is_renamed(root: &Path, known: &BTreeMap<&str, Known>, round: u64) {
    for name in ["a.txt", "n.ipynb", "z.bin"] {
        check_version(root, name, known, round);
    }
    let is_there = |name: &str| root.join(name).exists();
    assert!(is_there("here.txt") != is_there("there.txt"), "round {round}");
}

/// After a start.
fn check_all(home: &Home, root: &Path, known: &BTreeMap<&str, Known>, round: u64) {
    check_what_is_renamed(root, known, round);
    for name in ["linked.txt", "linked.ipynb"] {
        check_version(root, name, known, round);
        assert_eq!(
            std::fs::read(root.join(name)).unwrap(),
            std::fs::read(home.path(name)).unwrap(),
            "round {round}: {name} is no longer the same file"
        );
    }
    for name in ["restored.txt", ".ipynb_checkpoints/restored-checkpoint.txt"] {
        if let Some(found) = read(root, name) {
            assert!(
                version_of(&found).is_some(),
                "round {round}: {name} is torn: {found:.40}"
            );
        }
    }
    check_parts(root, known, round);
    for name in names_beneath(root) {
        assert!(!name.contains(".~"), "round {round}: {name} was left behind");
    }
}

/// One of the versions since the last whose save was answered.
fn check_version(root: &Path, name: &str, known: &BTreeMap<&str, Known>, round: u64) {
    let Some(known) = known.get(name) else { return };
    let Some(found) = read(root, name) else {
        assert_eq!(known.answered, 0, "round {round}: {name} is gone");
        return;
    };
    if found.is_empty() || found == "version 0\n" {
        assert_eq!(known.answered, 0, "round {round}: {name} is as it began");
        return;
    }
    let text = match name.ends_with(".ipynb") {
        true => notebook_source(&found),
        false => found,
    };
    let version = version_of(&text).unwrap_or_else(|| {
        panic!(
            "round {round}: {name} is torn: {text:.40}… of {} bytes",
            text.len()
        )
    });
    assert!(
        (known.answered..=known.sent).contains(&version),
        "round {round}: {name} is version {version}, but {known:?}"
    );
}

fn notebook_source(text: &str) -> String {
    let notebook: Value = serde_json::from_str(text).expect("a whole notebook");
    let source = notebook["cells"][0]["source"].as_array().expect("lines");
    source.iter().map(|line| line.as_str().expect("a line")).collect()
}

/// An upload in chunks grows under its name: as many whole parts as were answered, or one more.
fn check_parts(root: &Path, known: &BTreeMap<&str, Known>, round: u64) {
    let Some(known) = known.get("parts.txt") else {
        return;
    };
    let Some(found) = read(root, "parts.txt") else {
        assert_eq!(known.answered, 0, "round {round}: the parts are gone");
        return;
    };
    // Every upload is of three parts of its own number.
    let parts: Vec<u64> =
        writers::parts_of(&found).unwrap_or_else(|| panic!("round {round}: a part is torn"));
    let last = *parts.last().expect("at least one part");
    assert!(
        (known.answered..=known.sent).contains(&last),
        "round {round}: the last part is {last}, but {known:?}"
    );
}

/// Copies of a directory are whole or not there; then they make room for the next.
fn remove_copies(root: &Path) {
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("tree-Copy") {
            assert_eq!(std::fs::read_to_string(path.join("a.txt")).unwrap(), content(1));
            assert_eq!(
                std::fs::read_to_string(path.join("inner/b.txt")).unwrap(),
                content(7999)
            );
            std::fs::remove_dir_all(path).unwrap();
        } else if name.starts_with("Untitled") {
            let notebook: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).expect("a notebook");
            assert_eq!(notebook["nbformat"], 4);
            std::fs::remove_file(path).unwrap();
        }
    }
}

fn read(root: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(root.join(name)).ok()
}

fn names_beneath(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.display().to_string());
        if path.is_dir() {
            names.extend(names_beneath(&path));
        }
    }
    names
}
