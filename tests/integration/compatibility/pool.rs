//! Few names and bodies, so that what one request made is met by the next.

use serde_json::{Value, json};

use super::choices::Choices;
use super::directory::notebook;

/// Names that are there at the start, and some that are not.
const PATHS: &[&str] = &[
    "",
    "",
    "a.txt",
    "a.txt",
    "a.txt",
    "b.bin",
    "long.bin",
    "windows.txt",
    "bom.txt",
    "nul.txt",
    "empty",
    "empty.ipynb",
    "d",
    "d",
    "d",
    "d/x.py",
    "d/e",
    "d/e",
    "d/e/f.txt",
    "d/n.ipynb",
    "d/n.ipynb",
    "n.ipynb",
    "n.ipynb",
    "n.ipynb",
    "old4.ipynb",
    "invalid.ipynb",
    "bad.ipynb",
    "array.ipynb",
    "latin.ipynb",
    "sp ace ü.txt",
    "\u{e9}.txt",
    "e\u{301}.txt",
    "#?%.txt",
    "100%25.txt",
    "a+b&c=d;e.txt",
    "quote'\".txt",
    "back\\slash.txt",
    "new\nline.txt",
    "<b>&amp;.html",
    "\u{1F600}.txt",
    "x.tar.gz",
    "page.html",
    "data.json",
    "image.svg",
    "pic.PNG",
    "old~",
    "x.pyc",
    "__pycache__",
    "__pycache__/y.pyc",
    ".hidden",
    ".hidden/x",
    ".dot.txt",
    "d/.dot",
    "readonly.txt",
    "run.sh",
    "a-Copy1.txt",
    "Untitled.ipynb",
    "hollow",
    "hollow",
    "link",
    "dlink",
    "dlink/x.py",
    "dlink/new.txt",
    "broken",
    "loop",
    "outlink",
    "outdir",
    "outdir/in.txt",
    "nlink.ipynb",
    "none",
    "none/deep/z.txt",
    "new.txt",
    "new.txt",
    "new.ipynb",
    "new.ipynb",
    "d/new.txt",
    "d/new.ipynb",
    "newdir",
    "newdir",
    "newdir/y.txt",
    "a.txt/b",
    "UPPER.IPYNB",
    "untitled",
    "untitled.txt",
    "Untitled Folder",
    "d/Untitled Folder 1",
    "d/e-Copy1",
    "..",
    "d/../a.txt",
    "../outside/in.txt",
    "d/./x.py",
    ".",
    "d/..",
    "-dash",
    " lead.txt",
    "trail.txt ",
    "d/a.txt",
    "e",
    "link.txt",
    "~",
    "~/a.txt",
    "$HOME",
    ".ipynb_checkpoints/a-checkpoint.txt",
];

pub(super) fn path(choices: &mut Choices) -> String {
    match choices.below(60) {
        0 => "x".repeat(255),
        1 => "x".repeat(256),
        2 => format!("{}.ipynb", "ü".repeat(124)),
        3 => format!("{}{}", choices.pick(PATHS), choices.pick(&["/", "//", "/."])),
        4 => format!("{}/{}", choices.pick(PATHS), choices.pick(PATHS)),
        _ => choices.pick(PATHS).to_owned(),
    }
}

/// A path in a URL: mostly as browsers write it, sometimes otherwise.
pub(super) fn encoded(choices: &mut Choices, path: &str) -> String {
    let style = choices.below(24);
    let mut out = String::new();
    for byte in path.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'~' | b'/');
        let is_sub_delimiter = matches!(
            byte,
            b'+' | b'&' | b'=' | b';' | b'\'' | b'$' | b'!' | b'@' | b':' | b','
        );
        let stays = match style {
            0 => false,                            // all is encoded, slashes as well
            1 => is_plain && byte != b'.',         // dots are encoded
            2..=6 => is_plain || is_sub_delimiter, // as `encodeURI`
            _ => is_plain,                         // as `encodeURIComponent` of each part
        };
        match stays {
            true => out.push(char::from(byte)),
            false if style == 7 => out += &format!("%{byte:02x}"),
            false => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// The body of a PUT.
pub(super) fn save_body(choices: &mut Choices) -> String {
    let text = |content: &str| json!({"type": "file", "format": "text", "content": content});
    let nb = |content: Value| json!({"type": "notebook", "format": "json", "content": content});
    let body = match choices.below(64) {
        0..8 => text(choices.pick(&[
            "",
            "1\n",
            "one\r\ntwo",
            "ü\u{1F600}",
            "\u{feff}",
            "a\u{0}c",
            "long".repeat(50).as_str(),
        ])),
        8 => json!({"type": "file", "format": "base64", "content": "aGVsbG8="}),
        9 => json!({"type": "file", "format": "base64", "content": "aGVs\nbG8=\n"}),
        10 => {
            json!({"type": "file", "format": "base64", "content": choices.pick(&["", "=", "a", "aGVsbG8", "aGVsbG8==", "ü", "a*b*c*d*", "aGVsbG8=aGVs", "aGVs===="])})
        }
        11..18 => nb(notebook(5, true)),
        18 => nb(
            json!({"cells": [], "metadata": {"mark": choices.below(3)}, "nbformat": 4, "nbformat_minor": 5}),
        ),
        19 => nb(notebook(choices.pick(&[0, 2, 4]), false)),
        20 => nb(notebook(5, false)),
        21 => nb(
            json!({"cells": [{"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": "x", "id": "i"}],
            "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
        ),
        22 => nb(choices.pick(&[Value::Null, json!({}), json!([]), json!("x"), json!(5)])),
        23 => json!({"type": "notebook"}),
        24 => json!({"type": "notebook", "content": notebook(5, true)}),
        25..28 => json!({"type": "directory"}),
        28 => json!({"type": "directory", "content": [], "format": "json"}),
        29 => json!({"type": "file"}),
        30 => json!({"format": "text"}),
        31 => json!({"content": "x", "format": "text"}),
        32 => json!({"content": "x"}),
        33 => json!({"type": "file", "content": "x"}),
        34 => {
            json!({"type": "file", "content": "x", "format": choices.pick(&[json!("json"), json!("bogus"), json!(""), Value::Null])})
        }
        35 => {
            json!({"type": choices.pick(&[json!("bogus"), json!(""), Value::Null]), "content": "x", "format": "text"})
        }
        36 => json!({"copy_from": path(choices)}),
        37 => json!({"copy_from": ""}),
        38 => json!({"path": path(choices), "type": "file", "format": "text", "content": "p"}),
        39 => {
            json!({"type": "file", "format": "text", "content": choices.pick(&[json!(5), Value::Null, json!({}), json!([]), json!(true)])})
        }
        40 => {
            json!({"type": "file", "format": "base64", "content": choices.pick(&[json!(5), Value::Null, json!({})])})
        }
        41 => {
            json!({"name": "other.txt", "mimetype": "x/y", "writable": false, "created": 1, "type": "file", "format": "text", "content": "n"})
        }
        42..46 => {
            json!({"type": "file", "format": "text", "chunk": choices.pick(&[1, 2, -1, 0, 5]), "content": "part\n"})
        }
        46 => {
            json!({"type": choices.pick(&["notebook", "directory"]), "format": "json", "chunk": choices.pick(&[1, -1]), "content": {}})
        }
        47 => json!({"type": "file", "format": "json", "chunk": 1, "content": {}}),
        48 => {
            json!({"type": "file", "format": "base64", "chunk": choices.pick(&[1, 2, -1]), "content": "aGVs"})
        }
        49 => json!({"type": "file", "chunk": 1, "content": "x"}),
        50 => json!({"chunk": 1, "format": "text", "content": "x"}),
        51 => json!({}),
        52 => json!({"type": "file", "format": "text", "chunk": null, "content": "c"}),
        53 => return String::new(),
        54 => {
            return (choices.pick(&["{", "nonsense", "{\"a\":1}x", "'", "null", " null ", " "])).to_owned();
        }
        55 => choices.pick(&[
            json!([]),
            json!("x"),
            json!(5),
            json!(0),
            json!(true),
            json!(["a"]),
        ]),
        56..58 => choices.pick(&[
            json!({"name": "x"}),
            json!({"ext": ".txt"}),
            json!({"mimetype": null}),
            json!({"format": null}),
            json!({"chunk": null}),
            json!({"type": null}),
            json!({"path": ""}),
            json!({"copy_from": null}),
        ]),
        58..60 => {
            let chunk = choices.pick(&[
                json!(1.0),
                json!(-1.0),
                json!(1.5),
                json!(true),
                json!(false),
                json!("1"),
                json!(1e30),
                json!([]),
            ]);
            json!({"type": "file", "format": "text", "chunk": chunk, "content": "part\n"})
        }
        60 => json!({"type": choices.pick(&[json!(1), json!(0), json!(true), json!(false), json!(1.5)])}),
        61 => {
            let mut none = || choices.pick(&[json!(0), json!(false), json!([]), json!({}), json!(0.0)]);
            let (path, copy_from) = (none(), none());
            json!({"type": "file", "format": "text", "content": "x", "path": path, "copy_from": copy_from})
        }
        62 => json!({"type": "file", "content": "x", "format": choices.pick(&[json!(1), json!(true)])}),
        _ => {
            return choices
                .pick(&[
                    r#"{"type":"directory","format":"text","content":"1","type":"file"}"#,
                    r#"{"type":"file","format":"text","content":"1","content":"2"}"#,
                    r#"{"type":"file","format":"text","content":"1","chunk":2,"chunk":1}"#,
                ])
                .to_owned();
        }
    };
    body.to_string()
}

/// The body of a POST.
pub(super) fn create_body(choices: &mut Choices) -> String {
    let from = |choices: &mut Choices| {
        let path = path(choices);
        choices.pick(&[
            path.clone(),
            path.clone(),
            path.clone(),
            format!("/{path}"),
            format!("{path}/"),
        ])
    };
    let body = match choices.below(34) {
        0..14 => json!({"copy_from": from(choices)}),
        14 | 15 => json!({"type": "notebook"}),
        16 | 17 => json!({"type": "directory"}),
        18 | 19 => json!({"type": "file"}),
        20 => {
            json!({"type": "file", "ext": choices.pick(&[".txt", "txt", ".ipynb", ".tar.gz", ".", "..", ".ü", " x", ".a b"])})
        }
        21 | 22 => json!({"ext": choices.pick(&[".txt", ".ipynb", ".tar.gz", ""])}),
        23 => json!({"type": choices.pick(&["notebook", "directory"]), "ext": ".x"}),
        24 => json!({"type": choices.pick(&[json!("bogus"), json!(""), Value::Null])}),
        25 => json!({"copy_from": "", "type": "file"}),
        26 => json!({}),
        27 => return (choices.pick(&["{", "nonsense", "null", " "])).to_owned(),
        28 => json!({"ext": choices.pick(&["/x", "/../x"])}),
        29 => choices.pick(&[json!([]), json!("x"), json!(5), json!(0)]),
        30 => {
            json!({"type": choices.pick(&[json!(1), json!(true), json!(0)]), "copy_from": choices.pick(&[json!(0), json!(false)])})
        }
        31 => return r#"{"type":"file","ext":".a","type":"directory","ext":".b"}"#.to_owned(),
        _ => return String::new(),
    };
    body.to_string()
}

/// The body of a PATCH.
pub(super) fn rename_body(choices: &mut Choices) -> String {
    let to = path(choices);
    let body = match choices.below(21) {
        0..15 => json!({"path": to}),
        15 => json!({"path": format!("/{to}")}),
        16 => json!({"path": format!("{to}/")}),
        17 => json!({"path": choices.pick(&[Value::Null, json!("")])}),
        18 => choices.pick(&[json!({}), json!({"name": "x"})]),
        19 => return format!(r#"{{"path":"none/x","path":{}}}"#, json!(to)),
        _ => return (choices.pick(&["", "null", "{", "[]", "5"])).to_owned(),
    };
    body.to_string()
}

/// The query of a GET, with its `?`.
pub(super) fn query(choices: &mut Choices) -> String {
    let mut pairs = Vec::new();
    if choices.one_in(3) {
        pairs.push(format!(
            "type={}",
            choices.pick(&["file", "file", "notebook", "directory", "bogus", ""])
        ));
    }
    if choices.one_in(4) {
        pairs.push(format!(
            "format={}",
            choices.pick(&["text", "base64", "text", "base64", "bogus", "json", ""])
        ));
    }
    if choices.one_in(3) {
        pairs.push(format!(
            "content={}",
            choices.pick(&["0", "0", "1", "1", "2", "", "true", "%30", "+1"])
        ));
    }
    if choices.one_in(4) {
        pairs.push(format!(
            "hash={}",
            choices.pick(&["0", "1", "1", "1", "2", "", "sha256"])
        ));
    }
    if choices.one_in(12) {
        pairs.push(
            (choices.pick(&[
                "1795349235713",
                "a=b",
                "content=0&content=1",
                "contentProviderId=undefined",
                "=",
                "&",
                "%FF",
                "type=file&type=%ff",
                "format=text%ff",
            ]))
            .to_owned(),
        );
    }
    match pairs.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    }
}
