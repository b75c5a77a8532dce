//! `/directories`: a directory as a zip archive, read by Python's `zipfile`.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use authorization::{Action, Authorizer, Covers, Decision, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{Answer, TestServer};
use tokio::sync::watch;

use super::permissions::Secretive;
use super::python;

/// Names, texts and times of all entries, their checksums verified.
const READ: &str = "
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
entries = {entry.filename: archive.open(entry).read(1000).decode() for entry in archive.infolist()}
assert len(entries) == len(archive.infolist()), 'a name is there twice'
print(json.dumps(entries))
";

/// What Python finds in the archive.
pub(super) fn entries(archive: &Path) -> Value {
    let output = Command::new(python())
        .args(["-c", READ])
        .arg(archive)
        .output()
        .expect("Python runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn unpacked(answer: &Answer) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a.zip");
    std::fs::write(&file, &answer.body).expect("a file");
    entries(&file)
}

#[tokio::test]
async fn a_directory_comes_as_an_archive_of_what_is_listed() {
    let server = TestServer::builder()
        .file("x/d/a.txt", "a")
        .file("x/d/ü 1/#?%.txt", "b")
        .file("x/d/empty", "")
        .file("x/d/.hidden/c", "c")
        .file("x/d/__pycache__/d.pyc", "d")
        .file("x/other", "e")
        .start()
        .await;
    let client = server.as_owner();
    let path = "/directories/x/d?archiveToken=1&archiveFormat=zip&followSymlinks=false&downloadHidden=true";
    let answer = client.get(path).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"d.zip\"; filename*=utf-8''d.zip"
    );
    let expected = json!({"d/a.txt": "a", "d/ü 1/": "", "d/ü 1/#?%.txt": "b", "d/empty": ""});
    assert_eq!(unpacked(&answer), expected);
    let root = client.get("/directories").await.expect(200);
    assert_eq!(unpacked(&root)["x/other"], "e");
    client.get("/directories/x/missing").await.expect(404);
    client.get("/directories/x/d/.hidden").await.expect(404);
    client.get("/directories/x/other").await.expect(400);
    client.get("/directories/x/d?archiveFormat=tgz").await.expect(400);
}

#[tokio::test]
async fn what_is_missing_in_an_archive_is_told_in_it() {
    let server = TestServer::builder()
        .file("d/a.txt", "a")
        .file("outside", "o")
        .start()
        .await;
    let directory = server.root().join("d");
    symlink("missing", directory.join("broken")).expect("a link");
    symlink("../outside", directory.join("link")).expect("a link");
    symlink("..", directory.join("up")).expect("a link");
    let found = unpacked(&server.as_owner().get("/directories/d").await.expect(200));
    let errors = found["ERRORS.txt"].as_str().expect("what is missing").to_owned();
    assert!(
        errors.contains("d/broken: ") && errors.contains("d/up: a link to a directory"),
        "{errors}"
    );
    assert_eq!(
        found,
        json!({"d/a.txt": "a", "d/link": "o", "ERRORS.txt": errors})
    );
}

/// Allows everything, but has changed its mind about one directory when it is asked about that alone.
struct Withdrawn(watch::Sender<()>);

impl Authorizer for Withdrawn {
    fn decide<'a>(
        &'a self,
        _: &'a Identity,
        _: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let decision = match &*resource.name {
            "d/e" => Decision::forbidden_by("withdrawn"),
            _ => Decision::Allow,
        };
        Box::pin(std::future::ready(decision))
    }

    fn covers<'a>(&'a self, _: &'a Identity, _: Action, _: &'a ResourceRef) -> BoxFuture<'a, Covers> {
        Box::pin(std::future::ready(Covers::All))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// Breaks off, before or after the head of the answer was sent: to a client the same.
async fn expect_no_whole_archive(server: &TestServer) {
    let request = server.as_owner().request(http::Method::GET, "/directories/d");
    let whole = async { request.send().await?.bytes().await };
    whole.await.expect_err("an answer that breaks off");
}

#[tokio::test]
async fn an_archive_breaks_off_with_a_file_that_breaks_off() {
    let server = TestServer::builder().file("d/a.txt", "a").start().await;
    // Opens as a file does, and fails to be read.
    symlink("/proc/self/mem", server.root().join("d/z")).expect("a link");
    expect_no_whole_archive(&server).await;
}

#[tokio::test]
async fn an_archive_breaks_off_when_the_right_to_read_is_withdrawn() {
    let server = TestServer::builder()
        .authorizer(Arc::new(Withdrawn(watch::Sender::new(()))))
        .file("d/e/a.txt", "a")
        .start()
        .await;
    expect_no_whole_archive(&server).await;
}

#[tokio::test]
async fn an_archive_holds_what_its_reader_may_read() {
    let server = TestServer::builder()
        .authorizer(Arc::new(Secretive(watch::Sender::new(()))))
        .file("d/secret/a.txt", "x")
        .file("d/e/secret", "x")
        .file("d/e/b.txt", "y")
        .start()
        .await;
    let client = server.as_owner();
    let found = unpacked(&client.get("/directories/d").await.expect(200));
    assert_eq!(found, json!({"d/e/": "", "d/e/b.txt": "y"}));
    client.get("/directories/d/secret").await.expect(404);
}

#[tokio::test]
async fn more_entries_than_fit_in_sixteen_bits_are_archived() {
    let server = TestServer::start().await;
    let directory = server.root().join("many");
    std::fs::create_dir(&directory).expect("a directory");
    for number in 0..66_000 {
        std::fs::File::create(directory.join(format!("{number}"))).expect("a file");
    }
    let answer = server.as_owner().get("/directories/many").await.expect(200);
    assert_eq!(
        unpacked(&answer).as_object().map(serde_json::Map::len),
        Some(66_000)
    );
}
