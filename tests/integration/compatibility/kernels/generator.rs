//! Sequences of requests about kernels, sessions and kernelspecs, decided by a seed.

use crate::compatibility::choices::Choices;
use crate::compatibility::request::Request;

/// A sequence that goes on changing and looking at the same kernels and sessions.
pub(super) fn sequence(seed: u64, length: usize) -> Vec<Request> {
    let mut choices = Choices::of(seed);
    (0..length).map(|_| request(&mut choices)).collect()
}

fn request(choices: &mut Choices) -> Request {
    match choices.below(100) {
        0..10 => start(choices),
        10..30 => open(choices),
        30..34 => Request::new("GET", "api/kernels"),
        34..40 => Request::new("GET", kernel(choices)),
        40..44 => Request::new("DELETE", kernel(choices)),
        44..48 => Request::new("POST", format!("{}/interrupt", kernel(choices))),
        48..50 => Request::new("POST", format!("{}/restart", kernel(choices))).body(restart_body(choices)),
        50..56 => Request::new("GET", "api/sessions"),
        56..60 => Request::new("GET", session(choices)),
        60..78 => update(choices),
        78..83 => Request::new("DELETE", session(choices)),
        83..89 => Request::new("GET", format!("api/kernelspecs{}", choices.pick(KERNELSPECS))),
        89..95 => {
            let method = choices.pick(&["GET", "HEAD"]);
            Request::new(method, format!("kernelspecs/{}", choices.pick(RESOURCES)))
        }
        95..98 => Request::new("GET", "api/status"),
        _ => Request::new(choices.pick(&["PUT", "PATCH", "HEAD"]), kernel(choices)),
    }
}

const KERNELSPECS: &[&str] = &[
    "",
    "",
    "",
    "/python3",
    "/other",
    "/full",
    "/local",
    "/sp%20ace",
    "/elsewhere",
    "/mode",
    "/types",
    "/array",
    "/broken",
    "/nothing",
    "/none",
    "/OTHER",
    "/no-program",
    "/%2e%2e",
];

const RESOURCES: &[&str] = &[
    "other/kernel.css",
    "other/logo-64x64.png",
    "other/logo-svg.svg",
    "other/other.txt",
    "other/kernel.json",
    "other/none",
    "none/kernel.js",
    "Other/other.txt",
    "other/logo-64x64.PNG",
    "sp%20ace/kernel.json",
    "other/sub",
    "other/../full/kernel.json",
    "other/%2e%2e/full/kernel.json",
    "elsewhere/kernel.json",
    "other/logo-x.tar.gz",
];

fn kernel(choices: &mut Choices) -> String {
    let ids = [
        "<K0>",
        "<K0>",
        "<K0>",
        "<K1>",
        "<K1>",
        "<K2>",
        "own-id-of-a-kernel",
        "a-b-c-d-e",
        "no-id",
    ];
    format!("api/kernels/{}", choices.pick(&ids))
}

fn session(choices: &mut Choices) -> String {
    let ids = [
        "<S0>",
        "<S0>",
        "<S0>",
        "<S1>",
        "<S1>",
        "<S2>",
        "a-b-c-d-e",
        "no-id",
    ];
    format!("api/sessions/{}", choices.pick(&ids))
}

/// A name of a kernelspec, in JSON.
fn name(choices: &mut Choices) -> &'static str {
    choices.pick(&[
        "\"python3\"",
        "\"python3\"",
        "\"other\"",
        "\"full\"",
        "\"local\"",
        "\"sp ace\"",
        "null",
        "\"none\"",
        "\"elsewhere\"",
        "\"broken\"",
        "\"mode\"",
        "\"no-program\"",
        "\"nothing\"",
        "1",
        "[]",
    ])
}

/// A kernel's id, in JSON.
fn id(choices: &mut Choices) -> &'static str {
    choices.pick(&[
        "\"<K0>\"",
        "\"<K0>\"",
        "\"<K1>\"",
        "\"<K2>\"",
        "\"own-id-of-a-kernel\"",
        "null",
        "1",
    ])
}

/// A path, in JSON.
fn path(choices: &mut Choices) -> &'static str {
    choices.pick(&[
        "\"a.ipynb\"",
        "\"a.ipynb\"",
        "\"d/b.ipynb\"",
        "\"none/c.ipynb\"",
        "\"d\"",
        "\"/\"",
        "\"\"",
        "\"console-1-6f1e\"",
        "\"ä/ö.ipynb\"",
        "1",
        "null",
    ])
}

const NO_OBJECTS: &[&str] = &[
    "",
    "null",
    "{",
    "[]",
    "1",
    "\"x\"",
    "{}x",
    "[{}]",
    "nul",
    "{\"path\": }",
];

/// A member of an object: its name, its value, and of how many times it is left out once.
type Member = (&'static str, fn(&mut Choices) -> String, usize);

/// `{"a": 1, …}` of some of these members.
fn object(choices: &mut Choices, members: &[Member]) -> String {
    let mut written = Vec::new();
    for (name, value, left_out_one_in) in members {
        if !choices.one_in(*left_out_one_in) {
            written.push(format!("\"{name}\": {}", value(choices)));
        }
    }
    format!("{{{}}}", written.join(", "))
}

fn start(choices: &mut Choices) -> Request {
    let body = match choices.one_in(6) {
        true => choices.pick(NO_OBJECTS).to_owned(),
        false => object(
            choices,
            &[
                ("name", |choices| name(choices).to_owned(), 3),
                ("path", |choices| path(choices).to_owned(), 2),
                ("kernel_id", |choices| id(choices).to_owned(), 2),
            ],
        ),
    };
    Request::new("POST", "api/kernels").body(body)
}

fn restart_body(choices: &mut Choices) -> &'static str {
    choices.pick(&["", "{}", "{"])
}

fn kernel_of_session(choices: &mut Choices) -> String {
    match choices.below(10) {
        0 => choices.pick(&["{}", "null", "1", "\"x\""]).to_owned(),
        1..6 => format!("{{\"name\": {}}}", name(choices)),
        6..8 => format!("{{\"id\": {}}}", id(choices)),
        _ => format!("{{\"id\": {}, \"name\": {}}}", id(choices), name(choices)),
    }
}

fn session_type(choices: &mut Choices) -> String {
    choices
        .pick(&[
            "\"notebook\"",
            "\"notebook\"",
            "\"console\"",
            "\"file\"",
            "\"\"",
            "null",
            "1",
        ])
        .to_owned()
}

fn document_name(choices: &mut Choices) -> String {
    choices
        .pick(&["\"b.ipynb\"", "\"x\"", "\"\"", "null", "1"])
        .to_owned()
}

fn old_form(choices: &mut Choices) -> String {
    choices
        .pick(&[
            "{\"path\": \"old.ipynb\"}",
            "{\"name\": \"old.ipynb\"}",
            "{\"path\": \"p.ipynb\", \"name\": \"n.ipynb\"}",
            "{}",
            "null",
            "1",
        ])
        .to_owned()
}

fn open(choices: &mut Choices) -> Request {
    let body = match choices.below(12) {
        0 => choices.pick(NO_OBJECTS).to_owned(),
        1 => object(
            choices,
            &[
                ("notebook", old_form, 10),
                ("type", session_type, 2),
                ("name", document_name, 2),
                ("kernel", kernel_of_session, 2),
            ],
        ),
        _ => object(
            choices,
            &[
                ("path", |choices| path(choices).to_owned(), 12),
                ("type", session_type, 12),
                ("name", document_name, 3),
                ("kernel", kernel_of_session, 4),
            ],
        ),
    };
    Request::new("POST", "api/sessions").body(body)
}

fn update(choices: &mut Choices) -> Request {
    let body = match choices.one_in(10) {
        true => choices.pick(NO_OBJECTS).to_owned(),
        false => object(
            choices,
            &[
                ("path", |choices| path(choices).to_owned(), 2),
                ("type", session_type, 2),
                ("name", document_name, 2),
                ("kernel", kernel_of_session, 2),
                ("notebook", old_form, 2),
            ],
        ),
    };
    Request::new("PATCH", session(choices)).body(body)
}
