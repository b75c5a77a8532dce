//! What differs in what happens to files, directories, links and notebooks.

use serde_json::{Value, json};

use super::{FORESEEN, Intended, get, is_unforeseen, settle, with_body};
use crate::compatibility::request::Request;

pub(super) const ENTRIES: &[Intended] = &[
    Intended {
        what: "looking for checkpoints",
        example: || get("api/contents/d/x.py/checkpoints"),
        explain: |exchange| {
            let made: Vec<String> = exchange
                .on_disk
                .iter()
                .filter_map(|line| {
                    line.split_once("\": ours None, theirs Some(\"")?
                        .0
                        .strip_prefix('"')
                })
                .filter(|path| path.ends_with(".ipynb_checkpoints"))
                .map(str::to_owned)
                .collect();
            let parent = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
            exchange.on_disk.retain(|line| {
                !made.iter().any(|path| {
                    line.starts_with(&format!("\"{path}\": ours None"))
                        || line.starts_with(&format!("\"{}\": ours Some(", parent(path)))
                            && line.contains(" new directory")
                })
            });
        },
    },
    Intended {
        what: "a file whose checkpoint or copy can't be made",
        example: || {
            with_body(
                "PUT",
                &format!("api/contents/{}.ipynb", "x".repeat(249)),
                &json!({"type": "notebook"}),
            )
        },
        explain: |exchange| {
            let theirs = exchange.theirs.message();
            let is_too_long = theirs.contains("File name too long: 'ROOT/")
                && (theirs.contains("-checkpoint") || theirs.contains("/.~"));
            let is_no_directory = theirs.ends_with(".ipynb_checkpoints' exists but is not a directory");
            let target = exchange.request.model();
            let is_long = |path: &str| path.split('/').any(|part| part.len() > 255 - "-checkpoint".len());
            let is_renamed = exchange.request.method == "PATCH"
                && is_unforeseen(exchange)
                && target["path"].as_str().is_some_and(is_long);
            if (is_too_long || is_no_directory || is_renamed) && exchange.ours.status < 300 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a listing with circular links or names that are not UTF-8",
        example: || get("api/contents"),
        explain: |exchange| {
            let names = |value: &Value| -> Vec<Value> {
                let entries = value["content"].as_array().into_iter().flatten();
                entries.map(|entry| entry["name"].clone()).collect()
            };
            let (mut ours, listed) = (exchange.ours.value(), names(&exchange.theirs.value()));
            if exchange.ours.status == 200
                && exchange.request.method == "GET"
                && let Some(entries) = ours.get_mut("content").and_then(Value::as_array_mut)
            {
                entries.retain(|entry| entry["name"] != "loop" || listed.contains(&json!("loop")));
                exchange.ours = exchange.ours.with_value(ours);
            }
        },
    },
    Intended {
        what: "moving a directory into one that is missing",
        example: || with_body("PATCH", "api/contents/d", &json!({"path": "missing/d"})),
        explain: |exchange| {
            let is_missing = exchange
                .ours
                .message()
                .starts_with("File or directory does not exist: ");
            if exchange.request.method == "PATCH"
                && exchange.ours.status == 404
                && is_missing
                && exchange.theirs.value()["type"] == "directory"
                && exchange.theirs.status == 200
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "copying a directory where none can be made (onto a link to nothing)",
        example: || with_body("POST", "api/contents/broken", &json!({"copy_from": "/d/e"})),
        explain: |exchange| {
            let (ours, theirs) = (exchange.ours.message(), exchange.theirs.message());
            let is_told = ours.starts_with("Can't copy '") && theirs.contains("' into read-only Folder '");
            if is_told && (exchange.ours.status, exchange.theirs.status) == (400, 400) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "deleting a link that leads nowhere, or to a directory",
        example: || vec![Request::new("DELETE", "api/contents/broken")],
        explain: |exchange| {
            let message = exchange.theirs.message();
            let is_refused = message.starts_with("File or directory does not exist: ROOT/")
                || message.starts_with("Directory ROOT/") && message.ends_with(" not empty")
                || is_unforeseen(exchange);
            let is_link = exchange
                .on_disk
                .iter()
                .any(|line| line.contains(": ours None, theirs Some(\"0 ") && line.contains(" link to "));
            if exchange.request.method == "DELETE" && exchange.ours.status == 204 && is_refused && is_link {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a renamed link that leads nowhere now",
        example: || with_body("PATCH", "api/contents/link", &json!({"path": "d/a.txt"})),
        explain: |exchange| {
            let is_renamed = exchange.request.method == "PATCH" && exchange.ours.status == 200;
            // Of a link to nothing nobody may write.
            if is_renamed && is_unforeseen(exchange) && exchange.ours.value()["writable"] == false {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "an extension with a slash",
        example: || with_body("POST", "api/contents/d", &json!({"ext": "/../x"})),
        explain: |exchange| {
            let model = exchange.request.model();
            let is_asked = model["ext"]
                .as_str()
                .is_some_and(|extension| extension.contains('/'));
            if is_asked
                && exchange.ours.status == 400
                && exchange
                    .ours
                    .message()
                    .ends_with(" is not the name of a file or directory")
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "creating in a hidden directory",
        example: || with_body("POST", "api/contents/.hidden", &json!({"type": "file"})),
        explain: |exchange| {
            let ours = exchange.ours.message();
            if exchange.ours.status == 400
                && ours.starts_with("Cannot create file or directory '/")
                && (exchange
                    .theirs
                    .message()
                    .starts_with("Cannot create hidden directory ")
                    || exchange.theirs.status == 404)
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "an unreadable notebook",
        example: || get("api/contents/bad.ipynb"),
        explain: |exchange| {
            let (ours, theirs) = (exchange.ours.message(), exchange.theirs.message());
            if theirs.starts_with("Unreadable Notebook: ") && ours.starts_with("Unreadable Notebook: ") {
                exchange.ours.body = exchange.theirs.body.clone();
            }
        },
    },
    Intended {
        what: "an invalid notebook",
        example: || {
            let cell = json!({"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "id": "i",
                "execution_count": "x".repeat(5000)});
            let content = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
            let body = json!({"type": "notebook", "format": "json", "content": content});
            with_body("PUT", "api/contents/new.ipynb", &body)
        },
        explain: |exchange| {
            let failed = "Notebook validation failed: ";
            let (ours, theirs) = (exchange.ours.message(), exchange.theirs.message());
            let is_cut = theirs.len() > 2000 && ours.len() < theirs.len();
            if is_cut && theirs.starts_with(failed) && ours.starts_with(failed) {
                let mut value = exchange.ours.value();
                value["message"] = json!(theirs);
                exchange.ours = exchange.ours.with_value(value);
            }
        },
    },
    Intended {
        what: "sentences of DELETE and PATCH",
        example: || vec![Request::new("DELETE", "api/contents/none")],
        explain: |exchange| {
            let (ours, theirs) = (exchange.ours.message(), exchange.theirs.message());
            let is_told = match exchange.request.method.as_str() {
                "DELETE" => {
                    theirs.starts_with("File or directory does not exist: ROOT/")
                        && theirs.replacen("ROOT/", "", 1) == ours
                }
                "PATCH" => {
                    theirs.starts_with("Cannot rename file or directory 'ROOT/")
                        && theirs.replacen("ROOT", "", 1) == ours
                }
                _ => false,
            };
            if is_told {
                exchange.ours.body = exchange.theirs.body.clone();
            }
        },
    },
    Intended {
        what: "a trash that takes nothing",
        example: || {
            let name = format!("api/contents/{}", "x".repeat(255));
            let mut requests = with_body("POST", &name, &json!({"copy_from": "b.bin"}));
            requests.push(Request::new("DELETE", name));
            requests
        },
        explain: |exchange| {
            let failed = "send2trash failed: ";
            if exchange.ours.message().starts_with(failed) && exchange.theirs.message().starts_with(failed) {
                exchange.ours.body = exchange.theirs.body.clone();
            }
        },
    },
    Intended {
        what: "`?hash=1` on a directory",
        example: || get("api/contents/d?hash=1"),
        explain: |exchange| {
            if exchange.theirs.message() == "Keys unexpectedly None: ['hash', 'hash_algorithm']"
                && exchange.ours.value()["type"] == "directory"
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "content of the wrong type",
        example: || {
            let body = json!({"type": "file", "format": "text", "content": 5});
            with_body("PUT", "api/contents/a.txt", &body)
        },
        explain: |exchange| {
            let (ours, theirs) = (exchange.ours.message(), exchange.theirs.message());
            if theirs.starts_with("Encoding error saving ") && ours.ends_with(": the content is not a string")
            {
                exchange.ours.body = exchange.theirs.body.clone();
            }
        },
    },
    Intended {
        what: "renaming to nothing",
        example: || with_body("PATCH", "api/contents/a.txt", &json!({"path": null})),
        explain: |exchange| {
            let body = exchange.request.model();
            if exchange.request.method == "PATCH" && body["path"].is_null() && is_unforeseen(exchange) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "circular links",
        example: || {
            let body = json!({"type": "file", "format": "text", "content": ""});
            with_body("PUT", "api/contents/loop", &body)
        },
        explain: |exchange| {
            let path = exchange.request.decoded_path();
            let is_about =
                path.split('/').any(|part| part == "loop") || exchange.request.body.contains("\"loop");
            if is_about && is_unforeseen(exchange) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "renaming onto a broken link",
        example: || with_body("PATCH", "api/contents/a.txt", &json!({"path": "broken"})),
        explain: |exchange| {
            let is_kept =
                exchange.ours.status == 409 && exchange.ours.message().starts_with("File already exists: ");
            let was_link = exchange
                .on_disk
                .iter()
                .any(|line| line.contains(": ours Some(\"0 ") && line.contains(" link to "));
            if exchange.request.method == "PATCH" && is_kept && was_link && exchange.theirs.status == 200 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a `path` in the body of a PUT",
        example: || {
            let body = json!({"path": "a.txt/b", "type": "file", "format": "text", "content": ""});
            with_body("PUT", "api/contents/b.bin", &body)
        },
        explain: |exchange| {
            let is_given = exchange.request.method == "PUT" && exchange.request.model()["path"].is_string();
            if is_given && is_unforeseen(exchange) && exchange.ours.status < 300 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "what the reference does not foresee",
        example: || {
            let body = json!({"type": "file", "format": "text", "content": ""});
            with_body("PUT", "api/contents/none/deep/z.txt", &body)
        },
        explain: |exchange| {
            if FORESEEN.iter().any(|foreseen| foreseen.is(exchange)) {
                settle(exchange);
            }
        },
    },
];
