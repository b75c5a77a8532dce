//! Notebooks of packages, made-up ones and edge cases: read as the reference reads them, saved byte for byte as it saves
//! them, and invalid ones with its message. Where Python invents cell ids, at random, they are masked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::StreamExt;
use http::Method;
use serde_json::Value;
use serde_json::value::RawValue;
use test_support::{TestClient, TestServer};

use super::{python, read};

/// Set it to see other generated notebooks.
const SEED: &str = "20261122";
/// Fewest notebooks of packages, and of all that the reference reads and writes.
const REAL_MIN: usize = 500;
const COMPARED_MIN: usize = 900;
/// How many are asked for at once.
const AT_A_TIME: usize = 8;
/// Most differences that are shown.
const SHOWN_MAX: usize = 20;

/// What the reference reads or saves although no browser can.
const REFUSED: [&str; 3] = ["edge-infinity", "edge-nan", "edge-too-large"];

#[tokio::test]
async fn notebooks_are_read_and_saved_byte_for_byte_as_in_the_reference() {
    let work = tempfile::tempdir().unwrap();
    ask_the_reference(work.path());
    let mut builder = TestServer::builder();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(work.path().join("source")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        builder = builder.file(&name, std::fs::read(entry.path()).unwrap());
        names.push(name);
    }
    names.sort();
    let server = builder
        .setting("NotebookNotary.db_file", ":memory:")
        .setting("Adrastea.keep_unmodified", "false")
        .start()
        .await;
    let compare = async |name: &String| {
        let expected = std::fs::read(work.path().join(format!("expected/{name}.json"))).unwrap();
        let expected = serde_json::from_slice(&expected).unwrap();
        let mut comparison = Comparison {
            name,
            server: &server,
            owner: server.as_owner(),
            is_compared: false,
            differences: Vec::new(),
        };
        comparison.compare(&expected).await;
        (comparison.is_compared, comparison.differences)
    };
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    // Saves wait for the disk, so several at a time.
    let mut results =
        futures::stream::iter(names.iter().map(async |name| (name, compare(name).await))).buffered(AT_A_TIME);
    while let Some((name, (is_compared, found))) = results.next().await {
        let kind = name.split('-').next().unwrap_or_default();
        *compared.entry(kind).or_default() += usize::from(is_compared);
        differences.extend(found);
    }
    eprintln!("seed {SEED}, compared {compared:?}");
    assert!(
        differences.is_empty(),
        "{} differences with seed {SEED}:\n{}",
        differences.len(),
        differences[..differences.len().min(SHOWN_MAX)].join("\n")
    );
    assert!(compared["real"] >= REAL_MIN, "{compared:?}");
    assert!(compared.values().sum::<usize>() >= COMPARED_MIN, "{compared:?}");
}

/// Collects and makes the notebooks, and has the reference answer for each.
fn ask_the_reference(work: &Path) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/contents");
    let output = Command::new(python())
        .arg(here.join("notebook_corpus"))
        .args([&wheels(), &here.join("notebooks"), work])
        .arg(SEED)
        .env("HOME", work)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The packages of `tests/notebook-packages.txt`, beside the Python of the tests.
fn wheels() -> PathBuf {
    let python = python();
    let environment = python.ancestors().nth(2).expect("python is in a bin directory");
    let wheels = environment.join("notebooks");
    assert!(
        wheels.is_dir(),
        "{} is not there: run `cargo xtask test`, or `pip download --no-deps --only-binary :all: --requirement tests/notebook-packages.txt --dest` with that directory",
        wheels.display()
    );
    wheels
}

/// One notebook, here and in the reference.
struct Comparison<'s> {
    name: &'s str,
    server: &'s TestServer,
    owner: TestClient,
    /// Whether both can read it.
    is_compared: bool,
    differences: Vec<String>,
}

impl Comparison<'_> {
    async fn compare(&mut self, expected: &Value) {
        let path = format!("/api/contents/{}", self.name);
        let source = read(self.server, self.name);
        let answer = self.owner.get(&path).await;
        let status = answer.status.as_u16();
        let theirs = &expected["read"];
        if status == 200 && theirs["content"].is_string() {
            self.is_compared = true;
            let text = answer.text();
            self.compare_model(&text, theirs);
            // The very text of the answer goes back, as no browser would change it.
            self.compare_save("saved", &path, text.into_bytes(), &expected["saved"])
                .await;
        } else if status == 200 && theirs["error"].is_string() {
            // Opened, where the reference can't: see `docs/contents.md`.
        } else if status != 400 || theirs["content"].is_string() {
            self.differ(
                "read",
                &format!("{status} {}", answer.text()),
                &theirs.to_string(),
            );
        }
        if !expected["sent"].is_null() {
            let body = [b"{\"type\":\"notebook\",\"content\":", &*source, b"}"].concat();
            self.compare_save("sent", &path, body, &expected["sent"]).await;
        }
    }

    fn compare_model(&mut self, text: &str, theirs: &Value) {
        let ours: Value = serde_json::from_str(text).unwrap();
        let spelt: BTreeMap<&str, &RawValue> = serde_json::from_str(text).unwrap();
        let their_content = theirs["content"].as_str().unwrap();
        let masks = Masks::of(
            &cell_ids(&ours["content"]),
            &cell_ids(&serde_json::from_str(their_content).unwrap()),
        );
        let our_content = masks.ours(spelt["content"].get());
        let their_content = masks.theirs(their_content);
        if our_content != their_content {
            self.differ("content", &our_content, &their_content);
        }
        self.compare_messages("read", &masks, &ours["message"], &theirs["message"]);
    }

    async fn compare_save(&mut self, what: &str, path: &str, body: Vec<u8>, theirs: &Value) {
        let request = self.owner.request(Method::PUT, path);
        let answer = self.owner.send(request.body(body)).await;
        let status = answer.status.as_u16();
        let Some(their_file) = theirs["file"].as_str() else {
            // What the reference fails to save is saved or refused, with a reason.
            if !matches!(status, 200 | 400) {
                self.differ(what, &format!("{status} {}", answer.text()), &theirs.to_string());
            }
            return;
        };
        if status != 200 {
            if REFUSED
                .iter()
                .any(|refused| self.name == format!("{refused}.ipynb"))
                && status == 400
            {
                return;
            }
            self.differ(what, &format!("{status} {}", answer.text()), "200");
            return;
        }
        let our_file = String::from_utf8(read(self.server, self.name)).unwrap();
        let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let masks = Masks::of(&cell_ids(&parse(&our_file)), &cell_ids(&parse(their_file)));
        let (ours, theirs_masked) = (masks.ours(&our_file), masks.theirs(their_file));
        if ours != theirs_masked {
            self.differ(what, &ours, &theirs_masked);
        }
        let message = &answer.json()["message"];
        self.compare_messages(what, &masks, message, &theirs["message"]);
    }

    fn compare_messages(&mut self, what: &str, masks: &Masks, ours: &Value, theirs: &Value) {
        let ours = masks.ours(ours.as_str().unwrap_or_default());
        let theirs = masks.theirs(theirs.as_str().unwrap_or_default());
        // Long values are cut.
        let (shown, is_cut) = match ours.strip_suffix("...") {
            Some(start) => (start, true),
            None => (&*ours, false),
        };
        // Of several wrong members of a bundle Python names any: it walks a set.
        let any_of_several = |text: &str| text.contains("['data']['additionalProperties']:");
        let is_same = ours == theirs
            || (is_cut && theirs.starts_with(shown))
            || (any_of_several(&ours) && any_of_several(&theirs));
        if !is_same {
            self.differ(&format!("message of {what}"), &ours, &theirs);
        }
    }

    fn differ(&mut self, what: &str, ours: &str, theirs: &str) {
        let place = ours
            .bytes()
            .zip(theirs.bytes())
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        let around = |text: &str| {
            let bytes = text.as_bytes();
            let start = place.saturating_sub(60).min(bytes.len());
            let end = (place + 100).min(bytes.len());
            String::from_utf8_lossy(&bytes[start..end]).into_owned()
        };
        let mut difference = String::new();
        let _ = write!(
            difference,
            "{}, {what}, at byte {place}:\n    ours   {:?}\n    theirs {:?}",
            self.name,
            around(ours),
            around(theirs)
        );
        self.differences.push(difference);
    }
}

/// The ids of the cells, "" where there is none.
fn cell_ids(notebook: &Value) -> Vec<String> {
    let cells = notebook["cells"].as_array().cloned().unwrap_or_default();
    let id = |cell: &Value| cell["id"].as_str().unwrap_or_default().to_owned();
    cells.iter().map(id).collect()
}

/// Ids that both invented, each in its own way.
struct Masks {
    pairs: Vec<(String, String)>,
}

impl Masks {
    fn of(ours: &[String], theirs: &[String]) -> Self {
        let is_invented = |id: &str| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let pairs = ours.iter().zip(theirs);
        let invented =
            pairs.filter(|(ours, theirs)| ours != theirs && is_invented(ours) && is_invented(theirs));
        Self {
            pairs: invented
                .map(|(ours, theirs)| (ours.clone(), theirs.clone()))
                .collect(),
        }
    }

    fn ours(&self, text: &str) -> String {
        let mask = |text: String, (ours, _): &(String, String)| text.replace(ours.as_str(), "(an id)");
        self.pairs.iter().fold(text.to_owned(), mask)
    }

    fn theirs(&self, text: &str) -> String {
        let mask = |text: String, (_, theirs): &(String, String)| text.replace(theirs.as_str(), "(an id)");
        self.pairs.iter().fold(text.to_owned(), mask)
    }
}
