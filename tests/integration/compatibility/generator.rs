//! Sequences of requests, decided by a seed.

use super::choices::Choices;
use super::pool;
use super::request::{As, Request};

/// A sequence that goes on changing and looking at the same directory.
pub(super) fn sequence(seed: u64, length: usize) -> Vec<Request> {
    let mut choices = Choices::of(seed);
    let mut requests = Vec::new();
    while requests.len() < length {
        match choices.below(100) {
            0..22 => requests.push(read(&mut choices)),
            22..42 => requests.push(save(&mut choices)),
            42..54 => requests.push(create(&mut choices)),
            54..63 => requests.push(rename(&mut choices)),
            63..71 => requests.push(delete(&mut choices)),
            71..79 => requests.push(checkpoint(&mut choices)),
            79..81 => requests.push(trust(&mut choices)),
            81..91 => requests.push(file(&mut choices)),
            91..93 => requests.push(view(&mut choices)),
            93..95 => requests.push(resolve_path(&mut choices)),
            95 => requests.push(redirect(&mut choices)),
            96 => requests.extend(upload(&mut choices)),
            _ => requests.push(unusual(&mut choices)),
        }
    }
    requests
}

fn contents(choices: &mut Choices) -> String {
    let path = pool::path(choices);
    match pool::encoded(choices, &path) {
        path if path.is_empty() && choices.one_in(2) => "api/contents".to_owned(),
        path => format!("api/contents/{path}"),
    }
}

fn read(choices: &mut Choices) -> Request {
    let path = contents(choices);
    Request::new("GET", path + &pool::query(choices))
}

fn save(choices: &mut Choices) -> Request {
    Request::new("PUT", contents(choices)).body(pool::save_body(choices))
}

fn create(choices: &mut Choices) -> Request {
    Request::new("POST", contents(choices)).body(pool::create_body(choices))
}

fn rename(choices: &mut Choices) -> Request {
    Request::new("PATCH", contents(choices)).body(pool::rename_body(choices))
}

fn delete(choices: &mut Choices) -> Request {
    Request::new("DELETE", contents(choices))
}

fn checkpoint(choices: &mut Choices) -> Request {
    let path = format!("{}/checkpoints", contents(choices));
    let id = choices.pick(&[
        "checkpoint",
        "checkpoint",
        "checkpoint",
        "other",
        "no.id",
        "%C3%BC",
        "x-1",
    ]);
    match choices.below(8) {
        0 | 1 => Request::new("GET", path),
        2..5 => Request::new("POST", path),
        5 | 6 => Request::new("POST", format!("{path}/{id}")),
        _ => Request::new("DELETE", format!("{path}/{id}")),
    }
}

fn trust(choices: &mut Choices) -> Request {
    Request::new("POST", format!("{}/trust", contents(choices)))
}

/// One file in parts.
fn upload(choices: &mut Choices) -> Vec<Request> {
    let path = contents(choices);
    let format = choices.pick(&["text", "base64"]);
    let chunks = [1, 2, 3, -1];
    let part = |chunk: &i32| {
        let body =
            serde_json::json!({"type": "file", "format": format, "chunk": chunk, "content": "cGFydA=="});
        Request::new("PUT", path.clone()).json(&body)
    };
    chunks.iter().map(part).collect()
}

const RANGES: &[&str] = &[
    "bytes=0-0",
    "bytes=1-",
    "bytes=-1",
    "bytes=-2",
    "bytes=0-100",
    "bytes=9-",
    "bytes=2-1",
    "bytes=0-0,2-2",
    "bytes=-0",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "items=0-1",
    "bytes=0",
    "bytes = 0 - 1",
    "bytes=-5000",
    "0-1",
    "bytes=500-700",
    "bytes=1000-",
    "bytes=999-",
    "bytes=+1-2",
    "bytes=1_0-",
    "bytes=0--1",
    "bytes=--2",
];

const DATES: &[&str] = &[
    "Sun, 09 Sep 2001 01:46:40 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Tue, 19 Jan 2038 03:14:07 GMT",
    "yesterday",
    "Sunday, 09-Sep-01 01:46:40 GMT",
    "Sun Sep  9 01:46:40 2001",
    "",
];

/// Where a page that asks for a file may be.
const ORIGINS: &[(&str, &str)] = &[
    ("Referer", "http://127.0.0.1/lab"),
    ("Referer", "http://elsewhere.example/"),
    ("Referer", "not a url"),
    ("Referer", "SELF/lab"),
    ("Origin", "SELF"),
    ("Origin", "http://elsewhere.example"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Site", "cross-site"),
];

fn file(choices: &mut Choices) -> Request {
    let path = pool::path(choices);
    let is_notebook = path.ends_with(".ipynb");
    let path = pool::encoded(choices, &path);
    let query = choices.pick(&[
        "",
        "",
        "",
        "?download=1",
        "?download=",
        "?download",
        "?download=no&x=1",
        "?v=1",
    ]);
    let method = choices.pick(&["GET", "GET", "GET", "HEAD"]);
    let target = match path.is_empty() && choices.one_in(2) {
        true => format!("files{query}"),
        false => format!("files/{path}{query}"),
    };
    let mut request = Request::new(method, target);
    if !is_notebook && choices.one_in(3) {
        request = request.header("Range", choices.pick(RANGES));
    }
    if choices.one_in(6) {
        request = request.header("If-Modified-Since", choices.pick(DATES));
    }
    from_a_page(choices, request)
}

fn from_a_page(choices: &mut Choices, mut request: Request) -> Request {
    if choices.one_in(3) {
        let (name, value) = choices.pick(ORIGINS);
        request = request.header(name, value);
    }
    let by = choices.pick(&[As::Token, As::Token, As::Page, As::Cookies]);
    request.by(by)
}

fn view(choices: &mut Choices) -> Request {
    let path = pool::path(choices);
    let path = pool::encoded(choices, &path);
    Request::new(
        choices.pick(&["GET", "GET", "GET", "HEAD"]),
        format!("view/{path}"),
    )
}

fn resolve_path(choices: &mut Choices) -> Request {
    let path = pool::path(choices);
    let path = choices
        .pick(&["", "", "", "/", "./", "~/", "../root/", "ROOT/", "/etc/"])
        .to_owned()
        + &path;
    let path = pool::encoded(choices, &path);
    let kernel = choices.pick(&[
        "",
        "",
        "",
        "&kernel=",
        "&kernel=x",
        "&kernel=00000000-0000-0000-0000-000000000000",
    ]);
    let target = match choices.below(12) {
        0 => "api/resolvePath".to_owned(),
        1 => "api/resolvePath?path=".to_owned(),
        2 => format!("api/resolvePath?path=none&path={path}&kernel=x{kernel}&kernel="),
        3 => format!("api/resolvePath?path={path}%ff{kernel}"),
        _ => format!("api/resolvePath?path={path}{kernel}"),
    };
    Request::new("GET", target)
}

fn redirect(choices: &mut Choices) -> Request {
    let path = pool::path(choices);
    let path = pool::encoded(choices, &path);
    let method = choices.pick(&["GET", "GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
    let before = choices.pick(&["api/notebooks/", "api/notebooks/", "api/notebooks"]);
    let query = choices.pick(&["", "", "?content=0"]);
    Request::new(method, format!("{before}{path}{query}"))
}

/// Methods, routes and standings that no front end uses.
fn unusual(choices: &mut Choices) -> Request {
    let path = contents(choices);
    let path = match choices.below(8) {
        0 => format!("{path}/checkpoints"),
        1 => format!("{path}/checkpoints/checkpoint"),
        2 => format!("{path}/trust"),
        3 => path.replacen("api/contents", "files", 1),
        4 => path.replacen("api/contents", "view", 1),
        5 => "api/resolvePath?path=a.txt".to_owned(),
        _ => path,
    };
    let methods = [
        "GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "TRACE", "PROPFIND",
    ];
    let request = Request::new(choices.pick(&methods), path);
    let by = choices.pick(&[As::Token, As::Token, As::Nobody, As::Cookies, As::Page]);
    request.by(by)
}
