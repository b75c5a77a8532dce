//! Notebooks of all kinds, read through GET and saved unchanged, leave every byte as Python's nbformat leaves it.

use std::path::Path;
use std::process::Command;

use http::Method;
use test_support::TestServer;

use super::{python, read};

/// Where Python invents cell ids, at random; ours are others.
const IDS_ARE_INVENTED: [&str; 6] = [
    "minor45-duplicate-ids.ipynb",
    "minor45-missing-ids.ipynb",
    "v1.ipynb",
    "v2.ipynb",
    "v3.ipynb",
    "v3-old-lines.ipynb",
];

#[tokio::test]
async fn unchanged_notebooks_leave_every_byte_as_the_reference_would() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/contents/notebooks");
    let expected = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/contents/reference_save.py");
    let output = Command::new(python())
        .arg(script)
        .arg(&fixtures)
        .arg(expected.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    // Else they would not be written at all, being unchanged.
    let mut builder = TestServer::builder().setting("Adrastea.keep_unmodified", "False");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&fixtures).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        builder = builder.file(&name, std::fs::read(entry.path()).unwrap());
        names.push(name);
    }
    assert!(names.len() >= 30, "{}", names.len());
    let server = builder.start().await;
    let owner = server.as_owner();
    let mut wrong = Vec::new();
    for name in names {
        let path = format!("/api/contents/{name}");
        // The very text of the answer goes back, as no browser would change it.
        let model = owner.get(&path).await.expect(200).text();
        owner
            .send(owner.request(Method::PUT, &path).body(model))
            .await
            .expect(200);
        let ours = text(read(&server, &name), &name);
        let theirs = text(std::fs::read(expected.path().join(&name)).unwrap(), &name);
        if ours != theirs {
            wrong.push(format!("{name}: {}", first_difference(&ours, &theirs)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn text(bytes: Vec<u8>, name: &str) -> String {
    let text = String::from_utf8(bytes).unwrap();
    if IDS_ARE_INVENTED.contains(&name) {
        without_ids(&text)
    } else {
        text
    }
}

/// Masks what looks like an invented id.
fn without_ids(text: &str) -> String {
    let mask = |line: &str| match line.trim_start().strip_prefix("\"id\": \"") {
        Some(id) if id.trim_end_matches(',').len() == 9 => "(an id)".to_owned(),
        _ => line.to_owned(),
    };
    text.split('\n').map(mask).collect::<Vec<_>>().join("\n")
}

fn first_difference(ours: &str, theirs: &str) -> String {
    let mut lines = ours.split('\n').zip(theirs.split('\n')).enumerate();
    match lines.find(|(_, (ours, theirs))| ours != theirs) {
        Some((line, (ours, theirs))) => {
            format!("line {}: ours {ours:?}, the reference's {theirs:?}", line + 1)
        }
        None => "one is longer".to_owned(),
    }
}
