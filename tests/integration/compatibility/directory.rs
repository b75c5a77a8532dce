//! What both servers serve at the start of a sequence, and what is on disk afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::masks;

/// A code cell, a text cell and an output in several lines.
pub(super) fn notebook(nbformat_minor: u64, ids: bool) -> Value {
    let output =
        json!({"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<b>\n", "x"]}});
    let mut code = json!({"cell_type": "code", "execution_count": 1, "metadata": {"trusted": true}, "outputs": [output],
        "source": ["a\n", "b"]});
    let mut text = json!({"cell_type": "markdown", "metadata": {}, "source": "# ü\n"});
    if ids {
        code["id"] = json!("code");
        text["id"] = json!("text");
    }
    json!({"cells": [code, text], "metadata": {"k": 1.0, "a": 1}, "nbformat": 4, "nbformat_minor": nbformat_minor})
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let pretty = |value: &Value| serde_json::to_vec_pretty(value).unwrap();
    let invalid = json!({"cells": [{"cell_type": "code", "metadata": {}, "source": "", "outputs": [],
        "execution_count": "x", "id": "i"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    vec![
        ("a.txt", text("hi\n")),
        ("b.bin", vec![0xff, 0, 1]),
        ("long.bin", (0..=255).cycle().take(1000).collect()),
        ("windows.txt", text("one\r\ntwo\rthree\n")),
        ("bom.txt", text("\u{feff}bom")),
        ("nul.txt", vec![b'a', 0, b'b']),
        ("empty", Vec::new()),
        ("empty.ipynb", Vec::new()),
        ("d/x.py", text("print(1)")),
        ("d/e/f.txt", text("deep")),
        ("d/n.ipynb", pretty(&notebook(5, true))),
        ("n.ipynb", pretty(&notebook(5, true))),
        ("old4.ipynb", pretty(&notebook(2, false))),
        ("invalid.ipynb", pretty(&invalid)),
        ("bad.ipynb", text("{")),
        ("array.ipynb", text("[]")),
        ("latin.ipynb", vec![b'"', 0xe9, b'"']),
        ("sp ace ü.txt", text("s")),
        ("\u{e9}.txt", text("composed")),
        ("e\u{301}.txt", text("decomposed")),
        ("#?%.txt", text("#")),
        ("100%25.txt", text("%")),
        ("a+b&c=d;e.txt", text("+")),
        ("quote'\".txt", text("'")),
        ("back\\slash.txt", text("\\")),
        ("new\nline.txt", text("n")),
        ("<b>&amp;.html", text("<script>1</script>")),
        ("\u{1F600}.txt", text(":)")),
        ("x.tar.gz", vec![0x1f, 0x8b]),
        ("page.html", text("<p>")),
        ("data.json", text("{}")),
        ("image.svg", text("<svg/>")),
        ("pic.PNG", vec![0x89, b'P', b'N', b'G']),
        ("old~", text("o")),
        ("x.pyc", vec![0]),
        ("__pycache__/y.pyc", vec![0]),
        (".hidden/x", text("h")),
        (".dot.txt", text(".")),
        ("readonly.txt", text("r")),
        ("run.sh", text("#!/bin/sh\n")),
        ("a-Copy1.txt", text("copy")),
        ("Untitled.ipynb", pretty(&notebook(5, true))),
    ]
}

/// Times of what was there before: whole, with fractions of all lengths, the first second, before it.
const TIMES: [(i64, u32); 6] = [
    (1_000_000_000, 0),
    (1_100_000_000, 123_456_789),
    (1_200_000_000, 999_999_999),
    (1_300_000_000, 500),
    (0, 0),
    (1_400_000_000, 500_000_000),
];

/// Empties the root directory, and puts the same things in as always. Beside it lies `outside`.
pub(super) fn fill(root: &Path) {
    clear(root);
    let outside = root.with_file_name("outside");
    clear(&outside);
    fs::write(outside.join("in.txt"), "outside").unwrap();
    for (name, bytes) in files() {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::create_dir(root.join("hollow")).unwrap();
    for (name, target) in [
        ("link", "a.txt"),
        ("dlink", "d"),
        ("broken", "nowhere"),
        ("loop", "loop"),
        ("outlink", "../outside/in.txt"),
        ("outdir", "../outside"),
        ("nlink.ipynb", "n.ipynb"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    for (name, mode) in [
        ("readonly.txt", 0o444),
        ("run.sh", 0o755),
        ("d/x.py", 0o600),
        ("hollow", 0o700),
    ] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut times = TIMES.iter().cycle();
    let mut paths: Vec<_> = files().into_iter().map(|(name, _)| name).collect();
    paths.extend(["__pycache__", ".hidden", "d/e", "d", "hollow", ""]);
    for path in paths {
        let (seconds, nanoseconds) = *times.next().unwrap();
        let time = UNIX_EPOCH + Duration::new(seconds.unsigned_abs(), nanoseconds);
        // As root a file that is only readable can be opened to set its time; else it is opened to read.
        fs::File::open(root.join(path))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

/// Makes `theirs` what `ours` is, with all times and modes.
pub(super) fn copy(ours: &Path, theirs: &Path) {
    clear(theirs);
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(ours.join("."))
        .arg(theirs)
        .status();
    assert!(copied.unwrap().success(), "cp -a");
}

/// Takes out all that is in a directory, and makes it if need be.
pub(super) fn clear(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => fs::remove_dir_all(entry.path()).unwrap(),
            false => fs::remove_file(entry.path()).unwrap(),
        }
    }
}

/// What stands behind each name, with what is compared of it.
pub(super) fn snapshot(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(next) = left.pop() {
        let Ok(entries) = fs::read_dir(next) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let kind = metadata.file_type();
            let what = if kind.is_dir() {
                left.push(path.clone());
                "directory".to_owned()
            } else if kind.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else if kind.is_file() {
                masks::file(&fs::read(&path).unwrap())
            } else if kind.is_fifo() {
                "pipe".to_owned()
            } else {
                "something else".to_owned()
            };
            let mode = if kind.is_symlink() {
                0
            } else {
                metadata.mode() & 0o7777
            };
            let name = path.strip_prefix(directory).unwrap().display().to_string();
            found.insert(name, format!("{mode:o} {} {what}", time(&metadata)));
        }
    }
    found
}

/// The time of what was there before; what changed since is new.
fn time(metadata: &fs::Metadata) -> String {
    let is_new = SystemTime::now()
        .duration_since(metadata.modified().unwrap())
        .is_ok_and(|age| age < Duration::from_secs(24 * 3600));
    if is_new {
        "new".to_owned()
    } else {
        format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec())
    }
}

/// The lines in which two directories differ.
pub(super) fn differences(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> Vec<String> {
    let names = ours
        .keys()
        .chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
    names
        .filter(|name| ours.get(*name) != theirs.get(*name))
        .map(|name| {
            format!(
                "{name:?}: ours {:?}, theirs {:?}",
                ours.get(name),
                theirs.get(name)
            )
        })
        .collect()
}
