//! What differs whatever the entry is: methods, paths, headers, bodies that can't be read.

use serde_json::json;

use super::{Intended, get, has_dots, is_unforeseen, settle, stays_inside, with_body};
use crate::compatibility::answer::Body;
use crate::compatibility::request::{As, Request, decoded};

pub(super) const ROUTES: &[Intended] = &[
    Intended {
        what: "`Access-Control-Allow-Origin` of errors",
        example: || vec![Request::new("POST", "api/contents/a.txt")],
        explain: |exchange| {
            let name = "access-control-allow-origin";
            if exchange.theirs.status >= 400 && !exchange.theirs.headers.contains_key(name) {
                exchange.ours.headers.remove(name);
            }
        },
    },
    Intended {
        what: "a path with `.` or `..` that stays in the root",
        example: || get("api/contents/d/../a.txt"),
        explain: |exchange| {
            let request = &exchange.request;
            let model = request.model();
            let text = |name: &str| model[name].as_str().unwrap_or_default().to_owned();
            let asked = decoded(request.query().strip_prefix("path=").unwrap_or_default());
            let asked_for_dots = has_dots(&asked);
            let paths = [request.decoded_path(), text("path"), text("copy_from")];
            let stays =
                paths.iter().any(|path| has_dots(path)) && paths.iter().all(|path| stays_inside(path));
            if (stays || asked_for_dots) && exchange.ours.status < 500 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "slashes at the end of a path, or several in a row",
        example: || get("api/contents/a.txt/"),
        explain: |exchange| {
            let path = exchange.request.path();
            let has_slashes = path.contains("//") || path.ends_with('/') && path != "api/contents/";
            if has_slashes && path.starts_with("files/") {
                // Theirs has no name for what ends with a slash.
                exchange.ours.headers.remove("content-disposition");
                exchange.theirs.headers.remove("content-disposition");
            }
            if has_slashes
                && exchange.theirs.body == Body::Page
                && matches!(exchange.theirs.status, 302 | 403 | 404)
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a directory or file called `checkpoints` or `trust`",
        example: || get("api/contents/d/checkpoints"),
        explain: |exchange| {
            let path = exchange.request.decoded_path();
            let (before, last) = path.rsplit_once('/').unwrap_or_default();
            let is_other = matches!(last, "checkpoints" | "trust") || before.ends_with("/checkpoints");
            if path.starts_with("api/contents") && is_other && !exchange.is_of_file {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "HEAD where GET is allowed",
        example: || vec![Request::new("HEAD", "api/contents/a.txt")],
        explain: |exchange| {
            if exchange.request.method == "HEAD"
                && exchange.theirs.status == 405
                && exchange.ours.status != 405
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "OPTIONS",
        example: || vec![Request::new("OPTIONS", "view/a.txt")],
        explain: |exchange| {
            if exchange.request.method == "OPTIONS" && exchange.ours.status == 200 {
                // An answer without a body.
                exchange.theirs.headers.remove("content-type");
            }
            if exchange.request.method == "OPTIONS"
                && exchange.theirs.status == 405
                && exchange.ours.status == 200
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a method that a route does not have",
        example: || vec![Request::new("PUT", "view/a.txt")],
        explain: |exchange| {
            // To know no token against forged requests is the lesser reason.
            if exchange.ours.status == 405 && matches!(exchange.theirs.status, 403 | 405) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "errors of `…/trust` and `/api/notebooks`",
        example: || get("api/notebooks/a.txt"),
        explain: |exchange| {
            let path = exchange.request.decoded_path();
            let (ours, theirs) = (&mut exchange.ours, &exchange.theirs);
            let is_page_there = path.ends_with("/trust") || path.starts_with("api/notebooks");
            if is_page_there
                && ours.status == theirs.status
                && theirs.headers.get("location") == ours.headers.get("location")
            {
                *ours = theirs.clone();
            }
        },
    },
    Intended {
        what: "`/api/notebooks` without a slash before the path",
        example: || get("api/notebooksa.txt"),
        explain: |exchange| {
            let rest = exchange.request.path().strip_prefix("api/notebooks");
            let is_joined = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
            if is_joined && exchange.ours.status == 404 && exchange.theirs.status == 302 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "`%` in a sentence",
        example: || vec![Request::new("PATCH", "api/contents/a.txt").json(&json!({"path": "#?%.txt"}))],
        explain: |exchange| {
            let message = exchange.theirs.message();
            if message.contains("%%") {
                let mut value = exchange.theirs.value();
                value["message"] = json!(message.replace("%%", "%"));
                exchange.theirs = exchange.theirs.with_value(value);
            }
        },
    },
    Intended {
        what: "a hidden directory on `/files`",
        example: || get("files/.hidden"),
        explain: |exchange| {
            let path = exchange.request.decoded_path();
            let is_hidden = path.contains("/.") && !has_dots(&path);
            if path.starts_with("files/")
                && is_hidden
                && (exchange.ours.status, exchange.theirs.status) == (404, 403)
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a method that checkpoints or trust do not have",
        example: || vec![Request::new("PUT", "api/contents/a.txt/checkpoints")],
        explain: |exchange| {
            if exchange.is_of_file
                && exchange.theirs.status == 405
                && matches!(exchange.ours.status, 400 | 403 | 404)
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "an id of a checkpoint other than `checkpoint`",
        example: || {
            let file = json!({"type": "file", "format": "text", "content": "c"});
            let mut requests = with_body("PUT", "api/contents/a-c.txt", &file);
            requests.push(Request::new("POST", "api/contents/a-c.txt/checkpoints"));
            requests.push(Request::new(
                "DELETE",
                "api/contents/a.txt/checkpoints/c-checkpoint",
            ));
            requests
        },
        explain: |exchange| {
            let is_said = exchange.ours.message().starts_with("Checkpoint does not exist: ");
            let path = exchange.request.path();
            if is_said && exchange.theirs.status == 204 && !path.ends_with("/checkpoints/checkpoint") {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "`?v=` on `/files`",
        example: || get("files/a.txt?v=1"),
        explain: |exchange| {
            if exchange.request.path().starts_with("files/") && exchange.request.query().contains("v=") {
                exchange.theirs.headers.remove("expires");
                if exchange
                    .theirs
                    .headers
                    .get("cache-control")
                    .is_some_and(|value| value == "max-age=315360000\n")
                {
                    exchange.ours.headers.remove("cache-control");
                    exchange.theirs.headers.remove("cache-control");
                }
            }
        },
    },
    Intended {
        what: "JSON that can't be parsed",
        example: || vec![Request::new("PUT", "api/contents/a.txt").body("{")],
        explain: |exchange| {
            let theirs = exchange.theirs.message();
            let is_told = exchange
                .ours
                .message()
                .strip_prefix(theirs)
                .is_some_and(|more| more.starts_with(": "));
            if theirs == "Invalid JSON in body of request" && is_told {
                exchange.ours.body = exchange.theirs.body.clone();
            }
        },
    },
    Intended {
        what: "`NaN` and `Infinity` in a body, but for the content of a notebook",
        example: || vec![Request::new("POST", "api/contents").body(r#"{"x": NaN}"#)],
        explain: |exchange| {
            let has_none = ["NaN", "Infinity"]
                .iter()
                .any(|none| exchange.request.body.contains(none));
            if has_none
                && exchange
                    .ours
                    .message()
                    .starts_with("Invalid JSON in body of request: ")
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "`If-Match` on a GET of a file",
        example: || vec![Request::new("GET", "files/a.txt").header("If-Match", "\"other\"")],
        explain: |exchange| {
            let mut headers = exchange.request.headers.iter();
            let is_asked = headers.any(|(name, _)| *name == "If-Match");
            if is_asked && (exchange.ours.status, exchange.theirs.status) == (412, 200) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a body of type `multipart/form-data` without a boundary",
        example: || {
            let body = json!({"type": "file", "format": "text", "content": ""});
            let request = Request::new("PUT", "api/contents/a.txt").json(&body);
            vec![request.header("Content-Type", "multipart/form-data")]
        },
        explain: |exchange| {
            let is_refused = exchange.theirs.message().starts_with("Invalid body: ");
            if is_refused && exchange.ours.status < 300 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "the redirect to the login page",
        example: || vec![Request::new("GET", "files/a.txt").by(As::Nobody)],
        explain: |exchange| {
            let (ours, theirs) = (&exchange.ours, &exchange.theirs);
            let location = theirs.headers.get("location");
            let is_login = location.is_some_and(|location| location.contains("/login?next="));
            if is_login && ours.status == theirs.status && ours.headers.get("location") == location {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a body that is no object",
        example: || with_body("PUT", "api/contents/a.txt", &json!([1])),
        explain: |exchange| {
            let body = exchange.request.model();
            let is_other = !body.is_object() && !exchange.request.body.trim().is_empty();
            if is_other
                && exchange
                    .ours
                    .message()
                    .starts_with("Unexpected JSON in body of request")
            {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a path out of the root",
        example: || get("files/../outside/in.txt"),
        explain: |exchange| {
            let is_told = exchange
                .ours
                .message()
                .ends_with(" is outside root contents directory")
                || exchange.request.path().starts_with("files/")
                    && !stays_inside(&exchange.request.decoded_path());
            if exchange.ours.status == 404 && is_told && matches!(exchange.theirs.status, 400 | 403 | 404) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "`~name`, circular links and names that are too long in `/api/resolvePath` for a kernel",
        example: || {
            let kernel = "00000000-0000-0000-0000-00000000000a";
            let body = json!({"kernel_id": kernel, "path": ""});
            let mut requests = with_body("POST", "api/kernels", &body);
            requests.extend(get(&format!(
                "api/resolvePath?path=~nobody_at_all/x&kernel={kernel}"
            )));
            requests
        },
        explain: |exchange| {
            let is_asked = exchange.request.path() == "api/resolvePath";
            if is_asked && exchange.ours.status == 200 && is_unforeseen(exchange) {
                settle(exchange);
            }
        },
    },
];
