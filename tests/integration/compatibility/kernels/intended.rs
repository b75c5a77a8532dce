//! The differences we intend. The list may only shrink: each entry has an example, and a test fails when the example is
//! answered alike without the entry, and when the entry is not described in `docs/kernels.md`.

use serde_json::{Value, json};

use crate::compatibility::answer::Body;
use crate::compatibility::intended::{Intended, settle};
use crate::compatibility::pair::Exchange;
use crate::compatibility::request::Request;

/// What is left of an exchange without the differences we intend.
pub(super) fn explained(mut exchange: Exchange) -> Exchange {
    for intended in INTENDED {
        (intended.explain)(&mut exchange);
    }
    exchange
}

pub(super) const INTENDED: &[Intended] = &[
    Intended {
        what: "`Access-Control-Allow-Origin` of errors",
        example: || get("api/kernels/a-b-c-d-e"),
        explain: |exchange| {
            let name = "access-control-allow-origin";
            if exchange.theirs.status >= 400 && !exchange.theirs.headers.contains_key(name) {
                exchange.ours.headers.remove(name);
            }
        },
    },
    Intended {
        what: "HEAD where GET is allowed",
        example: || vec![Request::new("HEAD", "api/kernels")],
        explain: |exchange| {
            let is_head = exchange.request.method == "HEAD";
            if is_head && exchange.theirs.status == 405 && exchange.ours.status != 405 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a method that a route does not have",
        example: || vec![Request::new("PUT", "api/kernels")],
        explain: |exchange| {
            if exchange.ours.status == 405 && matches!(exchange.theirs.status, 404 | 405) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "JSON that can't be parsed",
        example: || vec![Request::new("POST", "api/sessions").body("{")],
        explain: |exchange| {
            let same = "Invalid JSON in body of request";
            if exchange.ours.message().starts_with(same) && exchange.theirs.message() == same {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a body or a value in it of the wrong type",
        example: || with_body("POST", "api/sessions", &json!({"path": 1, "type": "file"})),
        explain: |exchange| {
            let is_said = exchange
                .ours
                .message()
                .starts_with("Unexpected JSON in body of request: ");
            if exchange.ours.status == 400 && is_said && has_wrong_type(&exchange.request) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "null for a `kernel`, `notebook`, `path` or `type`",
        example: || with_body("POST", "api/sessions", &json!({"path": "a", "type": null})),
        explain: |exchange| {
            let body = exchange.request.model();
            let is_null = |name: &str| body.get(name) == Some(&Value::Null);
            let has_null = ["kernel", "notebook", "path", "type"].into_iter().any(is_null);
            if has_null && exchange.ours.status != 500 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a kernel that can't be started",
        example: || with_body("POST", "api/kernels", &json!({"name": "none"})),
        explain: |exchange| {
            let (ours, theirs) = (&exchange.ours, &exchange.theirs);
            let is_start = matches!(&*exchange.request.method, "POST" | "PATCH");
            let status_fits = ours.status == theirs.status
                || ours.status == 400 && theirs.status == 500 && ours.message().ends_with(NOT_AVAILABLE)
                || ours.status == 400 && theirs.status == 500 && ours.message().ends_with(NO_PROVISIONER);
            let is_said = [
                NOT_AVAILABLE,
                NO_PROVISIONER,
                " cannot be used: ",
                "names no program",
                "failed to start",
            ];
            let is_said = is_said.iter().any(|said| ours.message().contains(said));
            if is_start && status_fits && ours.status >= 400 && is_said {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a kernel that dies at once",
        example: || with_body("POST", "api/kernels", &json!({"name": "dies"})),
        explain: |exchange| {
            let has_died = exchange.ours.message().contains("died (exited with code 3)");
            if has_died && matches!(exchange.theirs.status, 200 | 201) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a `kernel.json` that can't be used",
        example: || get("api/kernelspecs/broken"),
        explain: |exchange| {
            let is_said = exchange.ours.message().starts_with("the kernelspec `");
            if exchange.ours.status == 500 && exchange.theirs.status == 500 && is_said {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a kernelspec asked for in another case",
        example: || get("api/kernelspecs/OTHER"),
        explain: |exchange| {
            let (mut ours, theirs) = (exchange.ours.value(), exchange.theirs.value());
            let name = |value: &Value| value["name"].as_str().map(str::to_owned);
            if let (Some(our_name), Some(their_name)) = (name(&ours), name(&theirs))
                && our_name != their_name
                && our_name == their_name.to_lowercase()
                && exchange.request.target.starts_with("api/kernelspecs/")
            {
                ours["name"] = json!(their_name);
                let resources = ours["resources"].as_object_mut().into_iter().flatten();
                for (_, url) in resources {
                    let text = url.as_str().unwrap_or_default();
                    *url = json!(text.replace(&format!("/{our_name}/"), &format!("/{their_name}/")));
                }
                exchange.ours = exchange.ours.with_value(ours);
            }
        },
    },
    Intended {
        what: "a name that no directory can have, asked for as a kernelspec",
        example: || get("api/kernelspecs/%2e%2e"),
        explain: |exchange| {
            let is_page = exchange.ours.status == 404 && exchange.ours.body == Body::Page;
            let theirs = exchange.theirs.message();
            if is_page && theirs.starts_with("Kernel spec ") && theirs.ends_with(" not found") {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a kernelspec that names the local provisioner",
        example: || get("api/kernelspecs/local"),
        explain: |exchange| {
            let mut theirs = exchange.theirs.value();
            let all = theirs.pointer_mut("/kernelspecs/local");
            let model = match all {
                Some(model) => model,
                None => &mut theirs,
            };
            let provisioner = model.pointer_mut("/spec/metadata/kernel_provisioner");
            if let Some(Value::Object(provisioner)) = provisioner
                && provisioner.shift_remove("config") == Some(json!({}))
            {
                exchange.theirs = exchange.theirs.with_value(theirs);
            }
        },
    },
    Intended {
        what: "a directory of a kernelspec, or a path out of it",
        example: || get("kernelspecs/other/sub"),
        explain: |exchange| {
            let is_resource = exchange.request.target.starts_with("kernelspecs/");
            if is_resource && exchange.ours.status == 404 && exchange.theirs.status == 403 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "restarting what does not exist",
        example: || vec![Request::new("POST", "api/kernels/a-b-c-d-e/restart")],
        explain: |exchange| {
            let is_missing = exchange.ours.message().starts_with("Kernel does not exist: ");
            let is_restart = exchange.request.target.ends_with("/restart");
            if is_restart && is_missing && exchange.theirs.status == 500 {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a kernel's id that no URL can have",
        example: || with_body("POST", "api/kernels", &json!({"kernel_id": "x"})),
        explain: |exchange| {
            let is_said = exchange.ours.message();
            let is_said =
                is_said.contains("a kernel id has five groups") || is_said.contains("is no kernel id");
            if exchange.ours.status == 400 && is_said {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "an empty name of a kernelspec",
        example: || with_body("POST", "api/kernels", &json!({"name": ""})),
        explain: |exchange| {
            let body = exchange.request.model();
            let is_empty = body["name"] == "" || body["kernel"]["name"] == "";
            if is_empty && exchange.ours.status < 300 && matches!(exchange.theirs.status, 500 | 501) {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "a session's path out of the root",
        example: || with_body("POST", "api/sessions", &json!({"path": "../x", "type": "file"})),
        explain: |exchange| {
            let is_outside = exchange
                .theirs
                .message()
                .contains("is outside root contents directory");
            if exchange.ours.status == 201 && is_outside {
                settle(exchange);
            }
        },
    },
    Intended {
        what: "what a kernel uses, in its model",
        example: || {
            let mut requests = with_body("POST", "api/kernels", &json!({"kernel_id": "a-b-c-d-e"}));
            requests.extend(get("api/kernels/a-b-c-d-e"));
            requests
        },
        explain: without_usage,
    },
    Intended {
        what: "the type of a script",
        example: || get("kernelspecs/other/kernel.js"),
        explain: |exchange| {
            let script = |value: Option<&String>| value.is_some_and(|value| value.contains("javascript"));
            let (ours, theirs) = (&exchange.ours.headers, &exchange.theirs.headers);
            if script(ours.get("content-type")) && script(theirs.get("content-type")) {
                exchange.ours.headers.remove("content-type");
                exchange.theirs.headers.remove("content-type");
            }
        },
    },
];

const NOT_AVAILABLE: &str =
    " kernel is not available. Please pick another suitable kernel instead, or install that kernel.";

const NO_PROVISIONER: &str = ", which is not here.";

fn get(target: &str) -> Vec<Request> {
    vec![Request::new("GET", target)]
}

fn with_body(method: &str, target: &str, body: &Value) -> Vec<Request> {
    vec![Request::new(method, target).json(body)]
}

/// Whether a body is no object, or has a number or a list where a text or an object is expected.
fn has_wrong_type(request: &Request) -> bool {
    let body = request.model();
    let Some(members) = body.as_object() else {
        return true;
    };
    let is_wrong = |(name, value): (&String, &Value)| match name.as_str() {
        "kernel" | "notebook" => match value.as_object() {
            Some(members) => members
                .values()
                .any(|value| !value.is_string() && !value.is_null()),
            None => !value.is_null(),
        },
        _ => !value.is_string() && !value.is_null(),
    };
    members.iter().any(is_wrong)
}

/// Leaves out what kernels use, which only we show.
fn without_usage(exchange: &mut Exchange) {
    let ours = exchange.ours.value();
    if ours.is_object() || ours.is_array() {
        exchange.ours = exchange.ours.with_value(unmeasured(ours));
    }
}

fn unmeasured(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => items.iter_mut().for_each(|item| *item = unmeasured(item.take())),
        Value::Object(members) => {
            // A model of a kernel, and no other thing of that name.
            let is_usage = |usage: &Value| usage["kernel_memory"].is_u64();
            if members.contains_key("execution_state") && members.get("usage").is_some_and(is_usage) {
                members.shift_remove("usage");
            }
            members
                .values_mut()
                .for_each(|member| *member = unmeasured(member.take()));
        }
        _ => {}
    }
    value
}

/// Whether both changed something, or neither: else what follows differs for this reason alone.
pub(super) fn leaves_both_alike(exchange: &Exchange) -> bool {
    let mut exchange = exchange.clone();
    without_usage(&mut exchange);
    let (ours, theirs) = (&exchange.ours, &exchange.theirs);
    let is_success = |status: u16| status < 400;
    let no_json = |body: &Body| !matches!(body, Body::Json(..));
    is_success(ours.status) == is_success(theirs.status)
        && (!is_success(ours.status)
            || no_json(&ours.body)
            || ours.body == theirs.body
            || exchange.request.method == "GET")
}
