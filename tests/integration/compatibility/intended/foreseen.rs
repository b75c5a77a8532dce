//! What we answer where the reference gives up with 500, each with a request that shows it.

use serde_json::{Value, json};

use super::{is_unforeseen, with_body};
use crate::compatibility::pair::Exchange;
use crate::compatibility::request::Request;

/// An answer.
pub(in crate::compatibility) struct Foreseen {
    method: &'static str,
    status: u16,
    /// How the sentence begins, or ends after `…`.
    message: &'static str,
    /// Requests of which the last shows it.
    pub(in crate::compatibility) example: fn() -> Vec<Request>,
}

const fn foreseen(
    method: &'static str,
    status: u16,
    message: &'static str,
    example: fn() -> Vec<Request>,
) -> Foreseen {
    Foreseen {
        method,
        status,
        message,
        example,
    }
}

impl Foreseen {
    /// Whether this is what came of a request.
    pub(in crate::compatibility) fn is(&self, exchange: &Exchange) -> bool {
        let message = exchange.ours.message();
        let is_said = match self.message.strip_prefix('…') {
            Some(end) => message.ends_with(end),
            None => message.starts_with(self.message),
        };
        let is_ours = self.method == exchange.request.method && self.status == exchange.ours.status;
        is_ours && is_said && is_unforeseen(exchange)
    }
}

impl std::fmt::Display for Foreseen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}", self.method, self.status, self.message)
    }
}

fn too_long() -> String {
    "x".repeat(300)
}

fn copy_from(target: &str, from: &str) -> Vec<Request> {
    with_body("POST", target, &json!({"copy_from": from}))
}

fn rename(target: &str, to: &str) -> Vec<Request> {
    with_body("PATCH", target, &json!({"path": to}))
}

fn save(target: &str, model: &Value) -> Vec<Request> {
    with_body("PUT", target, model)
}

fn ask(method: &str, target: &str) -> Vec<Request> {
    vec![Request::new(method, target)]
}

pub(in crate::compatibility) const FORESEEN: &[Foreseen] = &[
    foreseen("GET", 404, "file or directory '/", || {
        ask("GET", "api/contents/a.txt/b?type=directory")
    }),
    foreseen("DELETE", 404, "File or directory does not exist: ", || {
        ask("DELETE", "api/contents/link/checkpoints/%C3%BC")
    }),
    foreseen("PATCH", 400, "…is not a name this file system takes", || {
        rename("api/contents/a.txt", &too_long())
    }),
    foreseen("PATCH", 400, "Can't copy '", || rename("api/contents/d", "d/e2")),
    foreseen("PATCH", 404, "No such file or directory: ", || {
        rename("api/contents/a.txt/b", "a.txt/b")
    }),
    foreseen("PATCH", 400, "Cannot rename file or directory '/", || {
        rename(&format!("api/contents/{}", too_long()), "a.txt/.b")
    }),
    foreseen("PATCH", 409, "File already exists: ", || {
        rename("api/contents/broken", "a.txt")
    }),
    foreseen("PATCH", 404, "File or directory does not exist: ", || {
        rename("api/contents/a.txt/b", "c")
    }),
    foreseen("POST", 400, "…is not a notebook", || {
        ask("POST", "api/contents/a.txt/trust")
    }),
    foreseen("POST", 404, "Checkpoint does not exist: ", || {
        ask("POST", "api/contents/a.txt/checkpoints/x")
    }),
    foreseen("POST", 404, "No such file or directory: ", || {
        copy_from("api/contents/d", "a.txt/b")
    }),
    foreseen("POST", 400, "Cannot copy file or directory '/", || {
        copy_from("api/contents/a.txt/b", ".dot.txt")
    }),
    foreseen("POST", 404, "No such parent directory: ", || {
        copy_from("api/contents/a.txt/b", "b.bin")
    }),
    foreseen("POST", 400, "…is not the name of a file or directory", || {
        copy_from("api/contents/d", "/")
    }),
    foreseen("POST", 400, "…is not a name this file system takes", || {
        copy_from(&format!("api/contents/{}", too_long()), "a.txt")
    }),
    foreseen("PUT", 404, "No such directory: ", || {
        save("api/contents/none/deep/z", &json!({"type": "notebook"}))
    }),
    foreseen("PUT", 400, "…is a directory, not a file", || {
        save(
            "api/contents/d",
            &json!({"type": "file", "format": "text", "content": ""}),
        )
    }),
    foreseen("PUT", 400, "…is not a name this file system takes", || {
        save(
            &format!("api/contents/{}", too_long()),
            &json!({"type": "notebook"}),
        )
    }),
    foreseen("PUT", 400, "Cannot save ", || {
        save(
            "api/contents/new.ipynb",
            &json!({"type": "notebook", "format": "json", "content": {}}),
        )
    }),
    foreseen("PUT", 400, "Encoding error saving ", || {
        save(
            "api/contents/a.txt/b",
            &json!({"type": "file", "format": "base64", "content": 5}),
        )
    }),
    foreseen(
        "PUT",
        400,
        "Must specify format of file contents as 'text' or 'base64'",
        || {
            save(
                "api/contents/a.txt/b",
                &json!({"type": "file", "chunk": 1, "content": "x"}),
            )
        },
    ),
    foreseen("PUT", 400, "… is not supported for large file transfer", || {
        save(
            "api/contents/a.txt/b",
            &json!({"type": "notebook", "chunk": 1, "content": {}}),
        )
    }),
];
