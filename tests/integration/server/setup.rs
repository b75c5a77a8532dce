//! `--setup`, with a Python that only pretends.

use std::os::unix::fs::PermissionsExt;

use super::process::{Home, said};

/// A `python3` whose venv holds the four packages, and which notes each time it was asked to make one.
const PYTHON: &str = r#"#!/bin/sh
[ "$1" = -m ] || exit 1
echo made >> "$(dirname "$0")/made"
mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"
for package in jupyterlab notebook nbclassic ipykernel; do mkdir "$3/lib/python3.11/site-packages/$package"; done
echo 'home = /nowhere' > "$3/pyvenv.cfg"
printf '#!/bin/sh\nexit 0\n' > "$3/bin/python3"
chmod +x "$3/bin/python3"
"#;

fn with_python(script: &str) -> Home {
    let home = Home::new();
    home.write("bin/python3", script);
    let program = home.path("bin/python3");
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    home.with_variable("PATH", &path)
}

#[tokio::test]
async fn the_environment_is_made_once() {
    let home = with_python(PYTHON);
    for _ in 0..2 {
        let server = home.start(&["--port=0", "--setup"]).await;
        assert_eq!(server.get("api").await, 200);
    }
    let made = std::fs::read_to_string(home.path("bin/made")).expect("a note");
    assert_eq!(made, "made\n");
    assert!(home.path("data/adrastea/environment/pyvenv.cfg").is_file());
}

#[test]
fn without_a_network_one_sentence_says_so_and_nothing_is_served() {
    let pip = r#"printf '#!/bin/sh\necho "NewConnectionError: Name or service not known" >&2\nexit 1\n'"#;
    let script = PYTHON.replace(r"printf '#!/bin/sh\nexit 0\n'", pip);
    let home = with_python(&script);
    let output = home.run(&["--port=0", "--setup", "--allow-root"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let sentence = "--setup could not reach the Python package index";
    assert_eq!(text.matches(sentence).count(), 1, "{text}");
}

#[test]
fn without_a_python_one_sentence_says_so() {
    let home = Home::new();
    let home = home.with_variable("PATH", "/nowhere");
    let output = home.run(&["--port=0", "--setup", "--allow-root"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(
        text.matches("--setup needs Python 3 with venv").count(),
        1,
        "{text}"
    );
}

#[test]
fn a_pip_that_fails_is_told_in_one_sentence() {
    let pip = r#"printf '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n'"#;
    let script = PYTHON.replace(r"printf '#!/bin/sh\nexit 0\n'", pip);
    let home = with_python(&script);
    let text = said(&home.run(&["--port=0", "--setup", "--allow-root"]));
    assert_eq!(text.matches("pip could not install").count(), 1, "{text}");
    assert_eq!(text.matches("No module named pip").count(), 1, "{text}");
}
